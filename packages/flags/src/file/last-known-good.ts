import { randomUUID } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { StoreError } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { LastKnownGood, StoredDocument } from "../source/types.js";

export interface LastKnownGoodFileOptions {
  /** File that the processes of one host may share. It lies on a disk that survives restarts. Missing folders are created. */
  readonly path: string;
}

const optionsSchema = z.strictObject({ path: z.string().min(1) });

const stored = z.strictObject({
  confirmedAt: z.number(),
  document: z.strictObject({
    revision: z.string().min(1),
    version: z.int(),
    text: z.string(),
    changedBy: z.string().optional(),
    changedAt: z.number().optional(),
    note: z.string().optional(),
  }),
});

/** Room in the file for the members around the document, and for the escapes of its text. */
const ENVELOPE = 4096;

/**
 * Keeps the last good document in a file. It is written beside the file and renamed, so that a process that dies while it
 * writes leaves the old document whole.
 */
export function lastKnownGoodFile(options: LastKnownGoodFileOptions): LastKnownGood {
  const { path } = parseOptions(optionsSchema, options, "lastKnownGoodFile");
  return {
    load(maxBytes) {
      const size = statSync(path, { throwIfNoEntry: false })?.size;
      if (size === undefined) return undefined;
      // Escaping at most doubles a JSON text.
      if (size > 2 * maxBytes + ENVELOPE) {
        throw new StoreError(`${path}: expected at most ${2 * maxBytes + ENVELOPE} bytes, got ${size}`);
      }
      return parseStored(path, readFileSync(path, "utf8"));
    },
    async save(value) {
      await mkdir(dirname(path), { recursive: true });
      const beside = `${path}.${process.pid}.${randomUUID()}`;
      try {
        // The content must be on the disk before the name points to it: otherwise a power cut leaves an empty file.
        const file = await open(beside, "wx", 0o600);
        try {
          await file.writeFile(JSON.stringify(value));
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(beside, path);
      } catch (error) {
        await rm(beside, { force: true });
        throw error;
      }
    },
  };
}

/** @throws {StoreError} for anything that `save` did not write */
function parseStored(path: string, text: string): StoredDocument {
  try {
    const { confirmedAt, document } = stored.parse(JSON.parse(text));
    const { revision, version, text: rules, changedBy, changedAt, note } = document;
    return { confirmedAt, document: { revision, version, text: rules, changedBy, changedAt, note } };
  } catch (cause) {
    throw new StoreError(`${path}: expected a document that lastKnownGoodFile wrote`, { cause });
  }
}
