import { booleanResult, checkedCallback, describeValue } from "@scale/core/kit";
import { TopicError } from "../errors.js";
import type { Principal } from "../types.js";
import { compilePattern, type MatchTopic } from "./pattern.js";
import type { Topic } from "./types.js";

/** Maximum length of a topic name, in UTF-16 units. */
const MAX_TOPIC_LENGTH = 512;

/** A topic of a definition, for one name. */
export interface ResolvedTopic {
  readonly name: string;
  readonly pattern: string;
  readonly definition: AnyTopic;
  /** Runs `authorize` of the definition. */
  authorize(principal: Principal): boolean | Promise<boolean>;
}

/** A definition whose types are checked where it is written. */
export type AnyTopic = Omit<Topic<unknown>, "authorize"> & {
  readonly authorize: (principal: never, params: never) => boolean | Promise<boolean>;
};

export interface TopicRegistry {
  /**
   * Finds the definition of a name. A pattern without parameters goes first, then the order of the definitions.
   * @throws {TopicError} for a name that no definition matches
   */
  resolve(name: unknown): ResolvedTopic;
}

interface Compiled {
  readonly pattern: string;
  readonly definition: AnyTopic;
  readonly match: MatchTopic;
}

/** @throws {ConfigError} for a wrong pattern */
export function createTopicRegistry(topics: Readonly<Record<string, AnyTopic>>): TopicRegistry {
  const compiled = Object.entries(topics).map(
    ([pattern, definition]): Compiled => ({ pattern, definition, match: compilePattern(pattern) }),
  );
  const byName = new Map(compiled.filter(({ pattern }) => !pattern.includes("{")).map((each) => [each.pattern, each]));
  const patterns = compiled.filter(({ pattern }) => pattern.includes("{"));

  return {
    resolve(name) {
      if (typeof name !== "string" || name === "" || name.length > MAX_TOPIC_LENGTH)
        throw new TopicError(
          `topic: expected a string of 1 to ${MAX_TOPIC_LENGTH} characters, got ${describeValue(name)}`,
        );
      const exact = byName.get(name);
      if (exact !== undefined) return resolved(name, exact, {});
      for (const candidate of patterns) {
        const params = candidate.match(name);
        if (params !== undefined) return resolved(name, candidate, params);
      }
      throw new TopicError(`topic: expected a name that a definition of the hub matches, got ${describeValue(name)}`);
    },
  };
}

function resolved(
  name: string,
  { pattern, definition }: Compiled,
  params: Readonly<Record<string, string>>,
): ResolvedTopic {
  const authorize = checkedCallback(
    definition.authorize as (principal: Principal, params: Readonly<Record<string, string>>) => unknown,
    booleanResult(`createHub: topics: ${pattern}: authorize`),
  );
  return { name, pattern, definition, authorize: (principal) => authorize(principal, params) };
}
