import { tenancy } from "@scale/core";
import { eq } from "drizzle-orm";
import type { RequestHandler } from "express";
import { z } from "zod";
import type { RoutedDatabase } from "../db/client.js";
import { contacts, emails } from "../db/schema.js";
import { tenantRows } from "../db/tenant-rows.js";
import { NotFoundError } from "../problems.js";
import type { QuotaCounting } from "../quota.js";
import { parseInput, boundedText } from "./input.js";
import { pathParams } from "./resource.js";

const input = z.strictObject({ subject: boundedText(200), body: boundedText(10_000) });
const headers = z.object({ "idempotency-key": boundedText(200) });

/**
 * Puts an e-mail to a contact into the outbox, once for each `Idempotency-Key`. The room in the plan is held before, and
 * used after: what fails in between is not counted, and what is repeated is counted once.
 */
export function sendEmail(db: RoutedDatabase, { quota, onCount }: QuotaCounting): RequestHandler {
  const people = tenantRows(db, contacts);
  const allPeople = tenantRows(db.$primary, contacts);
  const outbox = tenantRows(db, emails);
  return async (request, response) => {
    const { tenantId } = tenancy.require();
    const { id: contactId } = parseInput(pathParams, request.params);
    const { "idempotency-key": requestId } = parseInput(headers, request.headers);
    const email = parseInput(input, request.body);
    // Somebody else may have added it a moment ago: that it is not there, the primary alone can say.
    const contact = (await people.get(contactId)) ?? (await allPeople.get(contactId));
    if (contact === undefined) throw new NotFoundError("there is no such contact");

    const room = await quota.reserve(tenantId, "emails", 1, { id: requestId });
    try {
      const added = await outbox.insertOnce({ ...email, contactId, requestId });
      const sent = added ?? (await outbox.list({ limit: 1, where: eq(emails.requestId, requestId) }))[0];
      const { used } = await room.commit();
      onCount({ tenantId, metric: "emails", plan: room.plan, used });
      response.status(202).json(sent);
    } finally {
      // Gives back what was not committed. `await using` does the same where it can be written.
      await room[Symbol.asyncDispose]();
    }
  };
}
