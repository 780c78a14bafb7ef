import { MAX_INVALIDATED } from "../definition/bounds.js";
import type { Invalidation } from "../store.js";

/** Splits an invalidation, so that no command occupies the server for long, and no message is long. */
export function boundedParts(what: Invalidation): readonly Invalidation[] {
  const { keys, tags, all } = what;
  if (keys.length + tags.length <= MAX_INVALIDATED) return [what];
  // All entries include those that are named.
  if (all) return [{ ...what, keys: [], tags: [] }];
  return [
    ...chunks(keys).map((part): Invalidation => ({ ...what, keys: part, tags: [] })),
    ...chunks(tags).map((part): Invalidation => ({ ...what, keys: [], tags: part })),
  ];
}

function chunks(list: readonly string[]): readonly (readonly string[])[] {
  const count = Math.ceil(list.length / MAX_INVALIDATED);
  return Array.from({ length: count }, (_, i) => list.slice(i * MAX_INVALIDATED, (i + 1) * MAX_INVALIDATED));
}
