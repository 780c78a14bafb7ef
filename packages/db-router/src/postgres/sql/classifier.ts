import { isKnownVolatile } from "./functions.js";
import { kindOf, type StatementKind } from "./kind.js";

/** Longer statements are mostly lists of values and rarely repeat, so they are not cached. */
const MAX_LENGTH = 4_000;
const MAX_ENTRIES = 1_000;

/** Returns the kind of a statement. */
export type Classifier = (text: string) => StatementKind;

/**
 * Creates a classifier with a cache.
 * @param volatileFunctions functions of the application that write or lock, in addition to PostgreSQL's; a schema in
 * front of the name is ignored
 */
export function createClassifier(volatileFunctions: readonly string[] = []): Classifier {
  const own = new Set(volatileFunctions.map((name) => name.slice(name.lastIndexOf(".") + 1).toLowerCase()));
  const isVolatile = (name: string): boolean => isKnownVolatile(name) || own.has(name.toLowerCase());
  // Two generations: entries without a hit while the newer one filled are dropped. A hit in the newer one moves nothing.
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
