/**
 * Numbers of ids. An object without a prototype, in which every id is an ordinary key: the engine keeps one copy of each key
 * and finds it by its address, which takes a third of the time of a `Map` of strings as soon as an id was looked up once.
 */
export interface KnownIds {
  [id: string]: number | undefined;
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `Object.create` has no type of its own
export const createKnownIds = (): KnownIds => Object.create(null) as KnownIds;
