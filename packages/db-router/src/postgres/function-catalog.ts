import { systemClock } from "@scale/core";
import { inRootContext } from "@scale/core/kit";
import { withResponsiveDeadline } from "../responsive-timeout.js";
import type { PoolLike } from "../types.js";
import { callsOf, type StatementKind } from "./sql/kind.js";
import { TextCache } from "./sql/text-cache.js";

/**
 * The functions that may write, by their declaration. A function in a language that can catch errors is guarded when it
 * may do so: on a standby it would lose its write without an error.
 */
const FUNCTIONS_SQL = `/* scale:db-router */ SELECT p.proname::text AS name,
  bool_or(CASE WHEN l.lanname IN ('sql', 'c', 'internal') THEN false
    WHEN l.lanname = 'plpgsql' THEN p.prosrc ~* 'exception\\s+when' ELSE true END)::text AS guarded
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE p.provolatile = 'v' AND p.prokind <> 'p' GROUP BY 1 ORDER BY 1`;

const TIMEOUT_MS = 5_000;
/** Age at which the next call reads the catalogue again: another process may have created a function. */
const MAX_AGE_MS = 60_000;
/** Pause after a failed read of the catalogue. */
const RETRY_MS = 1_000;

/** Statements after which functions may have another declaration. Comments in front of the verb are skipped. */
const CHANGES_FUNCTIONS = /^(?:\s|;|--[^\n]*\n|\/\*(?:[^*]|\*(?!\/))*\*\/)*(?:create|alter|drop|do|import)\b/i;

export const mayChangeFunctions = (text: string): boolean => CHANGES_FUNCTIONS.test(text);

/** The functions of one database that may write: read once, and again after a change of the schema. */
export class FunctionCatalog {
  /** Volatile functions by name; true for guarded ones. `undefined` before the first answer. */
  #volatile: ReadonlyMap<string, boolean> | undefined;
  #rows = "";
  #isLoading = false;
  #nextLoadMs = 0;
  readonly #kinds = new TextCache<StatementKind>();

  /** True when the catalogue is known, so that what a server says about a statement can be trusted. */
  get isLoaded(): boolean {
    return this.#volatile !== undefined;
  }

  /**
   * The kind of a statement that calls functions: "read" when none of them may write, "write" when one could lose its write
   * on a standby, and "call" while that is unknown.
   */
  kindOf(text: string, pool: PoolLike): StatementKind {
    if (systemClock.monotonic() >= this.#nextLoadMs) this.#load(pool);
    if (this.#volatile === undefined) return "call";
    const known = this.#kinds.get(text);
    if (known !== undefined) return known;
    const kind = kindOfCalls(text, this.#volatile);
    this.#kinds.set(text, kind);
    return kind;
  }

  /** Records what a server has shown: it ran the statement read-only, or refused to. */
  learn(text: string, kind: "read" | "write"): void {
    if (this.isLoaded) this.#kinds.set(text, kind);
  }

  /** The schema has changed: everything is asked again. */
  forget(): void {
    this.#volatile = undefined;
    this.#nextLoadMs = 0;
    this.#kinds.clear();
  }

  #load(pool: PoolLike): void {
    if (this.#isLoading) return;
    this.#isLoading = true;
    this.#nextLoadMs = systemClock.monotonic() + MAX_AGE_MS;
    // One read serves every tenant.
    inRootContext(() => withResponsiveDeadline(pool.query(FUNCTIONS_SQL), TIMEOUT_MS, "the catalogue of functions"))
      .then(
        ({ rows }) => this.#accept(rows),
        // Calls stay doubtful meanwhile, and polls publish what is wrong with the server.
        () => void (this.#nextLoadMs = systemClock.monotonic() + RETRY_MS),
      )
      .finally(() => void (this.#isLoading = false));
  }

  #accept(rows: readonly Record<string, unknown>[]): void {
    // The schema changed while the answer was on its way.
    if (this.#nextLoadMs === 0) return;
    const text = JSON.stringify(rows);
    if (text !== this.#rows) this.#kinds.clear();
    this.#rows = text;
    this.#volatile = new Map(rows.map(({ name, guarded }) => [String(name), guarded === "true"]));
  }
}

function kindOfCalls(text: string, volatile: ReadonlyMap<string, boolean>): StatementKind {
  let kind: StatementKind = "read";
  for (const name of callsOf(text)) {
    const isGuarded = volatile.get(name);
    if (isGuarded === true) return "write";
    if (isGuarded === false) kind = "call";
  }
  return kind;
}
