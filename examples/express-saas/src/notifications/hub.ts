import type { PlanResolver } from "@scale/core";
import { createHub, type Hub, memoryHub, topicName } from "@scale/realtime";
import { redisHub } from "@scale/realtime/redis";
import { z } from "zod";
import type { Components } from "../components.js";

const notification = z.object({ kind: z.literal("email-sent"), contactId: z.int(), subject: z.string() });
export type Notification = z.infer<typeof notification>;

const standing = z.object({ top: z.array(z.object({ userId: z.string(), points: z.int() })) });

/** The data of each topic. */
export interface CrmTopics {
  readonly notifications: Notification;
  readonly "users.{userId}": Notification;
  readonly leaderboard: z.infer<typeof standing>;
}

export type CrmHub = Hub<CrmTopics>;

/** Deadline of a call to Redis. Only the start of a stream and jobs wait for it. */
const TIMEOUT_MS = 500;

/**
 * Pushes notifications to the users of a tenant. Topics and histories of tenants are apart, so that a right is only needed within
 * one: a user receives what concerns the tenant, and of the topics of users the own one.
 */
export function createCrmHub({
  limitStore,
  subscriber,
  plans,
}: Pick<Components, "limitStore" | "subscriber"> & { readonly plans: PlanResolver }): CrmHub {
  const store =
    limitStore.is === "redis" && subscriber !== undefined
      ? redisHub({ redis: limitStore.redis, subscriber, prefix: "crm:realtime", timeoutMs: TIMEOUT_MS })
      : memoryHub();
  return createHub<CrmTopics>({
    store,
    plans,
    topics: {
      notifications: { schema: notification, authorize: () => true },
      "users.{userId}": { schema: notification, authorize: (principal, { userId }) => principal.userId === userId },
      // A client that reads too slowly needs the newest standing only.
      leaderboard: { schema: standing, authorize: () => true },
    },
    limits: { whenSlow: "disconnect" },
  });
}

/** Longest id of a user that has a topic: the header of a client may be longer than the name of one. */
const MAX_USER_ID = 128;

export const isUserId = (userId: string | undefined): userId is string =>
  userId !== undefined && userId !== "" && userId.length <= MAX_USER_ID;

/** The topic of a notification: that of the user of the submission, or the tenant's. */
export const topicOf = (userId: string | undefined): "notifications" | `users.${string}` =>
  isUserId(userId) ? topicName("users.{userId}", { userId }) : "notifications";
