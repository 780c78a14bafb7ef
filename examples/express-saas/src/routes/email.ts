import { createHash } from "node:crypto";
import { tenancy } from "@scale/core";
import type { RequestHandler } from "express";
import { z } from "zod";
import type { RoutedDatabase } from "../db/client.js";
import { emailOutbox, type EmailRequest } from "../db/email-outbox.js";
import { contacts } from "../db/schema.js";
import { tenantRows } from "../db/tenant-rows.js";
import { NotFoundError } from "../problems.js";
import type { QuotaCounting } from "../quota.js";
import { parseInput, boundedText } from "./input.js";
import { pathParams } from "./resource.js";

const input = z.strictObject({ subject: boundedText(200), body: boundedText(10_000) });
const headers = z.object({ "idempotency-key": boundedText(200) });

/**
 * Puts an e-mail to a contact into the outbox, once per `Idempotency-Key`, and refuses the key for another e-mail. Quota is
 * reserved before and committed after the insert: a failure in between is not counted, and a repeated request is counted
 * once.
 */
export function sendEmail(db: RoutedDatabase, { quota, onCount }: QuotaCounting): RequestHandler {
  const contactRows = tenantRows(db, contacts);
  const contactsOnPrimary = tenantRows(db.$primary, contacts);
  const outbox = emailOutbox(db);
  return async (request, response) => {
    const { tenantId } = tenancy.require();
    const { id: contactId } = parseInput(pathParams, request.params);
    const { "idempotency-key": requestId } = parseInput(headers, request.headers);
    const email: EmailRequest = { ...parseInput(input, request.body), contactId, requestId };
    const sent = await outbox.find(email);
    // A repeated request is answered by its record, although the contact may be gone. Another client may have added the
    // contact a moment ago, so a miss on the replica is checked on the primary.
    const contact = sent ?? (await contactRows.get(contactId)) ?? (await contactsOnPrimary.get(contactId));
    if (contact === undefined) throw new NotFoundError("there is no such contact");

    const reservation = await quota.reserve(tenantId, { emails: 1 }, { id: payableId(email) });
    try {
      const row = sent ?? (await outbox.addOnce(email));
      const { used } = (await reservation.commit()).emails;
      onCount({ tenantId, metric: "emails", plan: reservation.metrics.emails.plan, used });
      response.status(202).json(row);
    } finally {
      // Releases an uncommitted reservation. `await using` does the same where the runtime supports it.
      await reservation[Symbol.asyncDispose]();
    }
  };
}

/** The client chooses the key, so that the id also names what its unit pays for: one key never pays for two e-mails. */
function payableId({ requestId, contactId, subject, body }: EmailRequest): string {
  const hash = createHash("sha256").update(JSON.stringify([contactId, subject, body]));
  return `${requestId}:${hash.digest("base64url")}`;
}
