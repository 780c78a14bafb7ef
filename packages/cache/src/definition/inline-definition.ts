import type { Duration } from "@scale/core";
import { keySegment } from "@scale/core/kit";
import { type Spec, specFrom } from "./definition.js";

/** A value that is named, and loaded, where it is used. */
export interface Named {
  readonly key: string;
  load(): unknown;
}

/** Specs for values without a definition. */
export type AdHoc = (namespace: string, ttl: Duration) => Spec<Named>;

/** Namespaces and times are written in code: more of them than this are made at run time, and not worth keeping. */
const MAX_SPECS = 1000;

export function createAdHoc(): AdHoc {
  const specs = new Map<string, Spec<Named>>();
  return (namespace, ttl) => {
    const id = `${ttl} ${namespace}`;
    const known = specs.get(id);
    if (known !== undefined) return known;
    const spec = specFrom<Named, unknown>(
      { name: "adhoc", ttl, key: ({ key }) => key, load: ({ load }) => load() },
      "getOrSet",
    );
    // No definition can have that name.
    const made = { ...spec, name: `~${keySegment(namespace)}` };
    if (specs.size >= MAX_SPECS) specs.clear();
    specs.set(id, made);
    return made;
  };
}
