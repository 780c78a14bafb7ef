import type { Duration } from "@scale/core";
import { keySegment } from "@scale/core/kit";
import { parseDefinition, type ParsedDefinition } from "./definition.js";

/** A value of `getOrSet`, which brings its key and its loader with each call. */
export interface InlineEntry {
  readonly key: string;
  load(): unknown;
}

/** Namespaces and ttls are constants of the code. More of them than this are computed, and not worth remembering. */
const MAX_DEFINITIONS = 1000;

/** Returns a function that returns the definition of all inline entries with the same namespace and ttl. */
export function createInlineDefinitions(): (namespace: string, ttl: Duration) => ParsedDefinition<InlineEntry> {
  const definitions = new Map<string, ParsedDefinition<InlineEntry>>();
  return (namespace, ttl) => {
    const id = `${ttl} ${namespace}`;
    const known = definitions.get(id);
    if (known !== undefined) return known;
    const parsed = parseDefinition<InlineEntry, unknown>(
      { name: "adhoc", ttl, key: ({ key }) => key, load: ({ load }) => load() },
      "getOrSet",
    );
    // No definition of an application can have a name that begins with a tilde.
    const created = { ...parsed, name: `~${keySegment(namespace)}` };
    if (definitions.size >= MAX_DEFINITIONS) definitions.clear();
    definitions.set(id, created);
    return created;
  };
}
