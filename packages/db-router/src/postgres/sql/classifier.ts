import { isKnownVolatile } from "./functions.js";
import { kindOf, type StatementKind } from "./kind.js";
import { TextCache } from "./text-cache.js";

/** Returns the kind of a statement. */
export type Classifier = (text: string) => StatementKind;

/** A classifier that accepts corrections: what a server has said about a statement. */
export interface CorrectableClassifier {
  readonly classify: Classifier;
  correct(text: string, kind: StatementKind): void;
}

/**
 * Creates a classifier with a cache.
 * @param volatileFunctions functions of the application that write or lock, in addition to PostgreSQL's; a schema in
 * front of the name is ignored
 */
export function createClassifier(volatileFunctions: readonly string[] = []): Classifier {
  return createCorrectableClassifier(volatileFunctions).classify;
}

export function createCorrectableClassifier(volatileFunctions: readonly string[] = []): CorrectableClassifier {
  const own = new Set(volatileFunctions.map((name) => name.slice(name.lastIndexOf(".") + 1).toLowerCase()));
  const isVolatile = (name: string): boolean => isKnownVolatile(name) || own.has(name.toLowerCase());
  const kinds = new TextCache<StatementKind>();
  return {
    classify(text) {
      const known = kinds.get(text);
      if (known !== undefined) return known;
      const kind = kindOf(text, isVolatile);
      kinds.set(text, kind);
      return kind;
    },
    correct: (text, kind) => kinds.set(text, kind),
  };
}
