import { tenancy } from "@scale/core";
import type { EnqueueRequest, Queue } from "@scale/queue";
import type { Database } from "../db/client.js";
import type { Row } from "../db/tenant-rows.js";
import { isUserId } from "../notifications/hub.js";
import type { CrmJobDefinitions } from "./definitions.js";

/** Records a submission in the transaction that inserts its row. */
export type RecordSubmission = (tx: Database, table: "contacts" | "deals", row: Row) => Promise<void>;

/** Points of a user for what was submitted. */
const POINTS = { contact: 1, deal: 5 } as const;

type Request = EnqueueRequest<CrmJobDefinitions>;

/**
 * Enqueues the jobs of a submission in its transaction: an e-mail to the contact, and the points of the user. They are written to
 * the outbox, so that they exist exactly when the row does, also while Redis is down.
 */
export const recordSubmissions =
  (queue: Queue<CrmJobDefinitions>): RecordSubmission =>
  async (tx, table, row) => {
    const { userId } = tenancy.require();
    const submission = { kind: table === "deals" ? "deal" : "contact", id: Number(row["id"]) } as const;
    const contactId = submission.kind === "deal" ? Number(row["contactId"]) : submission.id;
    const email: Request = { name: "email.send", data: { submission, contactId, ...TEXTS[submission.kind] } };
    const requests: Request[] = [email];
    if (isUserId(userId)) {
      const points = POINTS[submission.kind];
      requests.push({ name: "leaderboard.update", data: { submission, userId, points } });
    }
    await queue.in(tx).enqueueMany(requests);
  };

const TEXTS = {
  contact: { subject: "Welcome", body: "You are in our address book now." },
  deal: { subject: "Your deal", body: "We are working on the offer." },
} as const;
