import type { RequestHandler } from "express";
import type { Database } from "../db/client.js";
import { topUsers } from "../jobs/leaderboard.js";

/** Serves the users of the tenant with the most points. A job counts each submission after its response. */
export function showLeaderboard(db: Database): RequestHandler {
  return async (_request, response) => {
    response.json({ top: await topUsers(db) });
  };
}
