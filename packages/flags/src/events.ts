import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";
import type { FlagSettings } from "./document/settings.js";
import type { FlagOrigin, FlagReason } from "./types.js";

/** Published once for every change, by the process that made it with `set`, `kill` or `unkill`: the audit trail. */
export const settingsWrite: EventChannel<{
  readonly flag: string;
  /** Settings before the change; `undefined` for none. */
  readonly before: FlagSettings | undefined;
  /** Settings after the change; `undefined` for none. */
  readonly after: FlagSettings | undefined;
  readonly version: number;
  readonly changedBy: string;
  readonly note: string | undefined;
}> = defineEvent("scale:flags:settings-write");

/**
 * Published in every process for each flag whose settings in force changed there, whichever process made the change. Changes
 * that arrive with one document have the author of the last one.
 */
export const flagChange: EventChannel<{
  readonly flag: string;
  readonly before: FlagSettings | undefined;
  readonly after: FlagSettings | undefined;
  readonly version: number;
  readonly from: FlagOrigin;
  readonly changedBy: string | undefined;
  /** Milliseconds since the epoch. */
  readonly changedAt: number | undefined;
  readonly note: string | undefined;
  /** True for the first document of this process: the flags may have been like this for long. */
  readonly isFirst: boolean;
}> = defineEvent("scale:flags:flag-change");

/** Published when a document is refused. The one in force stays. */
export const documentRefuse: EventChannel<{
  readonly from: FlagOrigin;
  readonly revision: string;
  readonly version: number;
  readonly error: unknown;
}> = defineEvent("scale:flags:document-refuse");

/**
 * Published for every read of the live source that failed, and when it has no document where there was one. The document in
 * force stays.
 */
export const sourceFail: EventChannel<{
  readonly source: string;
  readonly error: unknown;
  /** Milliseconds since the document in force was confirmed; `undefined` without one. */
  readonly ageMs: number | undefined;
  readonly isStale: boolean;
}> = defineEvent("scale:flags:source-fail");

/** Published when the last-known-good document cannot be read or written. */
export const fileFail: EventChannel<{ readonly operation: "read" | "write"; readonly error: unknown }> =
  defineEvent("scale:flags:file-fail");

/** Published when a signal degrades a flag, and when the flag recovers. */
export const degradeChange: EventChannel<{
  readonly flag: string;
  readonly isDegraded: boolean;
  /** Value of the signal. */
  readonly level: number;
}> = defineEvent("scale:flags:degrade-change");

/** Published when a signal throws or returns neither a boolean nor a finite number. The flag keeps its state. */
export const signalFail: EventChannel<{ readonly flag: string; readonly error: unknown }> =
  defineEvent("scale:flags:signal-fail");

/**
 * Published when a percentage or variants decided a flag for a tenant: once for each flag, rule and variant of a tenant in a
 * minute. Subscribers switch it on.
 */
export const flagExpose: EventChannel<{
  /** "" for a subject without a tenant. */
  readonly tenantId: string;
  readonly userId: string | undefined;
  readonly flag: string;
  readonly value: unknown;
  readonly variant: string | undefined;
  readonly rule: string | undefined;
  readonly reason: FlagReason;
  /** Exposures that were not published since the last event, because a bound was reached. */
  readonly dropped: number;
}> = defineEvent("scale:flags:flag-expose");
