/** A document of rules with its identity and author. */
export interface FlagDocument {
  /** Identity of this text: every write makes another one, also after the source was restored from a backup. */
  readonly revision: string;
  /** Number of the change, an integer >= 1; for people. */
  readonly version: number;
  /** JSON: `{ "flags": { "<key>": <settings> } }`. */
  readonly text: string;
  readonly changedBy: string | undefined;
  /** Milliseconds since the epoch. */
  readonly changedAt: number | undefined;
  readonly note: string | undefined;
}

export type SourceAnswer =
  | { readonly is: "document"; readonly document: FlagDocument }
  /** The document with the revision that the caller knows is the current one. */
  | { readonly is: "unchanged" }
  /** There is no document. */
  | { readonly is: "absent" }
  /** The document is longer than the caller accepts, and was not sent. */
  | { readonly is: "too-large"; readonly revision: string; readonly version: number; readonly bytes: number };

export interface SourceWrite {
  /** Revision that the change is based on; `undefined` when there was no document. */
  readonly base: string | undefined;
  /** Identity of the written document. A source that has it already answers "written", so that a write may be repeated. */
  readonly revision: string;
  /** Version in force at the writer. That of the new document is greater, also when the source lost its data. */
  readonly after: number;
  readonly text: string;
  readonly changedBy: string;
  /** Milliseconds since the epoch. */
  readonly changedAt: number;
  readonly note: string | undefined;
}

export type WriteAnswer =
  | { readonly is: "written"; readonly version: number }
  /** Another change came first. */
  | { readonly is: "conflict" };

/**
 * The live place of the rules. `describeFlagSource` from `@scale/flags/testing` is its contract. `createFlags` calls it, one
 * read at a time, and gives every call a deadline.
 */
export interface FlagSource {
  /** Name in events. */
  readonly name: string;
  /**
   * Reads the current document.
   * @param request `known` is the revision that the caller has; `maxBytes` the longest text that it accepts
   */
  read(request: { readonly known: string | undefined; readonly maxBytes: number }): Promise<SourceAnswer>;
  /**
   * Calls `changed` soon after each write of any process, and `failed` when it cannot. The next poll makes up for a missed
   * call.
   * @returns a function that ends it
   */
  watch?(listener: { changed(): void; failed(error: unknown): void }): () => void;
  /** Replaces the document, if the current one is still `base`. Sources without it are changed by other tools. */
  write?(write: SourceWrite): Promise<WriteAnswer>;
}

/** A document and when the live source last confirmed it. */
export interface StoredDocument {
  readonly document: FlagDocument;
  /** Milliseconds since the epoch. */
  readonly confirmedAt: number;
}

/** Keeps the last good document for the next start of the process: `lastKnownGoodFile` of `@scale/flags/file`. */
export interface LastKnownGood {
  /**
   * Reads the document before `createFlags` returns.
   * @returns `undefined` when there is none
   * @throws when it cannot be read, or is longer than `maxBytes`
   */
  load(maxBytes: number): StoredDocument | undefined;
  /** Replaces the document as a whole. */
  save(stored: StoredDocument): Promise<void>;
}
