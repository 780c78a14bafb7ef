import { eq } from "drizzle-orm";
import { KeyReusedError, NotFoundError } from "../problems.js";
import type { RoutedDatabase } from "./client.js";
import { contacts, emails } from "./schema.js";
import { type Row, tenantRows } from "./tenant-rows.js";

/** The e-mail of a request, and the key by which a repeated request is known. */
export interface EmailRequest {
  readonly requestId: string;
  readonly contactId: number;
  readonly subject: string;
  readonly body: string;
}

/** The e-mails of the current tenant that are to be sent. A row is also the record of its key, and outlives its contact. */
export interface EmailOutbox {
  /**
   * Returns the e-mail of the key.
   * @throws {KeyReusedError} when the key was used for another e-mail
   */
  find(request: EmailRequest): Promise<Row | undefined>;
  /**
   * Adds the e-mail unless its key is known.
   * @throws {NotFoundError} when the contact does not exist
   * @throws {KeyReusedError} when the key was used for another e-mail
   */
  addOnce(request: EmailRequest): Promise<Row>;
}

/** Reads and writes on the primary: a record that a replica lacks would be sent again. */
export function emailOutbox({ $primary: db }: RoutedDatabase): EmailOutbox {
  async function find(request: EmailRequest): Promise<Row | undefined> {
    const where = eq(emails.requestId, request.requestId);
    const [record] = await tenantRows(db, emails).list({ limit: 1, where });
    if (record === undefined || isSame(record, request)) return record;
    throw new KeyReusedError("this idempotency-key was used for another e-mail: send another key");
  }

  return {
    find,
    async addOnce(request) {
      const added = await db.transaction(async (tx) => {
        // The lock stands in for the foreign key that the record must not have.
        if (!(await tenantRows(tx, contacts).lock(request.contactId))) throw noContact();
        return tenantRows(tx, emails).insertOnce({ ...request });
      });
      const row = added ?? (await find(request));
      if (row === undefined) throw new Error("the outbox has neither a new row nor the row of the key");
      return row;
    },
  };
}

const noContact = (): NotFoundError => new NotFoundError("there is no such contact");

const isSame = (record: Row, { contactId, subject, body }: EmailRequest): boolean =>
  record["contactId"] === contactId && record["subject"] === subject && record["body"] === body;
