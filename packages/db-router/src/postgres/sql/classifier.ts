import { isKnownVolatile } from "./functions.js";
import { kindOf, type StatementKind } from "./kind.js";

/** Longer texts are mostly lists of values, and no two of them alike. */
const MAX_LENGTH = 4_000;
const MAX_ENTRIES = 1_000;

/** What a statement does, by its text. */
export type Classifier = (text: string) => StatementKind;

/**
 * A classifier that remembers texts.
 * @param volatileFunctions functions of the application that write or lock, besides those of PostgreSQL; a schema before
 * the name is left out of account
 */
export function createClassifier(volatileFunctions: readonly string[] = []): Classifier {
  const own = new Set(volatileFunctions.map((name) => name.slice(name.lastIndexOf(".") + 1).toLowerCase()));
  const isVolatile = (name: string): boolean => isKnownVolatile(name) || own.has(name.toLowerCase());
  // Two halves: what was not asked for while the newer one filled is forgotten. A hit moves nothing.
  let newer = new Map<string, StatementKind>();
  let older = new Map<string, StatementKind>();

  function remember(text: string, kind: StatementKind): StatementKind {
    if (newer.size >= MAX_ENTRIES / 2) {
      older = newer;
      newer = new Map();
    }
    newer.set(text, kind);
    return kind;
  }

  return (text) => {
    const known = newer.get(text);
    if (known !== undefined) return known;
    if (text.length > MAX_LENGTH) return kindOf(text, isVolatile);
    return remember(text, older.get(text) ?? kindOf(text, isVolatile));
  };
}
