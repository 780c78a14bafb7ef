/**
 * Numbers of ids. An object without a prototype, in which every id is an ordinary key: the engine keeps one copy of each key
 * and finds it by its address. That takes less time than a `Map` of strings when a string is looked up again, as by the
 * several events of a request, and somewhat more for its first look-up.
 */
export interface KnownIds {
  [id: string]: number | undefined;
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `Object.create` has no type of its own
export const createKnownIds = (): KnownIds => Object.create(null) as KnownIds;
