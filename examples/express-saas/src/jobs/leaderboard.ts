import { tenancy } from "@scale/core";
import { desc, eq, sql } from "drizzle-orm";
import type { Database } from "../db/client.js";
import { leaderboard } from "../db/schema.js";

export interface LeaderboardRow {
  readonly userId: string;
  readonly points: number;
}

const SHOWN = 10;

/** Adds points to a user of the current tenant. @param db the transaction that records that they were added */
export async function addPoints(db: Database, { userId, points }: LeaderboardRow): Promise<void> {
  const { tenantId } = tenancy.require();
  await db
    .insert(leaderboard)
    .values({ tenantId, userId, points })
    .onConflictDoUpdate({
      target: [leaderboard.tenantId, leaderboard.userId],
      set: { points: sql`${leaderboard.points} + excluded.points` },
    });
}

/** Returns the users of the current tenant with the most points. */
export function topUsers(db: Database): Promise<LeaderboardRow[]> {
  return db
    .select({ userId: leaderboard.userId, points: leaderboard.points })
    .from(leaderboard)
    .where(eq(leaderboard.tenantId, tenancy.require().tenantId))
    .orderBy(desc(leaderboard.points), leaderboard.userId)
    .limit(SHOWN);
}
