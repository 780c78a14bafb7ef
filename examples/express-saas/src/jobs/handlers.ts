import { setTimeout as sleep } from "node:timers/promises";
import { isScaleError } from "@scale/core";
import type { Handlers } from "@scale/queue";
import type { OnceLedger } from "@scale/queue/once";
import type { Database, RoutedDatabase } from "../db/client.js";
import { emails } from "../db/schema.js";
import { tenantRows } from "../db/tenant-rows.js";
import { type CrmHub, topicOf } from "../notifications/hub.js";
import type { CrmJobDefinitions } from "./definitions.js";
import { addPoints, topUsers } from "./leaderboard.js";

export interface HandlerOptions {
  readonly db: RoutedDatabase;
  readonly hub: CrmHub;
  /** Records in Postgres which effects have happened. */
  readonly ledger: OnceLedger<Database>;
}

/** Time that a mail service takes for one newsletter. */
const NEWSLETTER_MS = 50;

/** Runs the jobs. Each may run twice, after a crash for example: rows, points and notifications are written once nevertheless. */
export function crmHandlers({ db, hub, ledger }: HandlerOptions): Handlers<CrmJobDefinitions> {
  const outgoing = tenantRows(db, emails);
  return {
    async "email.send"({ id, data, userId }) {
      const { submission, contactId, subject, body } = data;
      const requestId = `job:${submission.kind}:${submission.id}`;
      try {
        await outgoing.insertOnce({ contactId, subject, body, requestId });
      } catch (error) {
        // The contact was deleted since: it needs no e-mail any more.
        if (isScaleError(error, "SCALE_INPUT")) return;
        throw error;
      }
      await hub.publish(topicOf(userId), { kind: "email-sent", contactId, subject }, { id: `sent:${id}` });
    },
    async "leaderboard.update"({ id, data: { submission, userId, points } }) {
      const key = `points:${submission.kind}:${submission.id}`;
      const top = await db.transaction(async (tx) => {
        await ledger.once(tx, key, () => addPoints(tx, { userId, points }));
        return topUsers(tx);
      });
      await hub.publish("leaderboard", { top }, { id: `top:${id}` });
    },
    async "newsletter.send"({ signal }) {
      await sleep(NEWSLETTER_MS, undefined, { signal });
    },
  };
}
