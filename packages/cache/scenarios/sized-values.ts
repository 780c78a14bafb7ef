import type { Codec } from "../src/index.js";

/** A kind of values whose bytes are measured. */
export interface SizedValue {
  readonly count: number;
  readonly valueOf: (id: number) => unknown;
  readonly codec?: Codec<unknown>;
}

const list = <T>(length: number, of: (index: number) => T): T[] => Array.from({ length }, (_, i) => of(i));

/** Text of a length that no other value has. */
const text = (id: number, length: number): string => `${id}:`.padEnd(length, "lorem ipsum dolor ");

const row = (id: number): object => ({
  ...{ id: `inv_${id}_${id * 7}`, total: id + 0.5, status: "open", note: text(id, 100), paid: false },
  lines: [1, 2],
});

/** A codec for what JSON cannot hold. The text is as long as the JSON of the value's content. */
const rebuilt = <T>(toContent: (value: T) => unknown, fromContent: (content: never) => T): Codec<unknown> => ({
  encode: (value) => JSON.stringify(toContent(value as T)),
  decode: (encoded) => fromContent(JSON.parse(encoded) as never),
});

export const sizedValues: Readonly<Record<string, SizedValue>> = {
  "300 empty objects": { count: 2000, valueOf: () => list(300, () => ({})) },
  "300 empty arrays": { count: 2000, valueOf: () => list(300, () => []) },
  "objects in objects": { count: 5000, valueOf: (id) => ({ a: { b: { c: { d: { e: id } } } }, f: { g: {}, h: {} } }) },
  "a row": { count: 20_000, valueOf: row },
  "100 rows": { count: 300, valueOf: (id) => list(100, (i) => row(id * 100 + i)) },
  "2000 rows": { count: 20, valueOf: (id) => list(2000, (i) => row(id * 2000 + i)) },
  "rows of unlike size": {
    count: 300,
    valueOf: (id) => list(100, (i) => (i % 3 === 0 ? row(id * 100 + i) : { id: i, tags: list(i, () => ({})) })),
  },
  "a long string": { count: 5000, valueOf: (id) => text(id, 5000) },
  "a long string of wide characters": { count: 5000, valueOf: (id) => `${text(id, 2000)}\u{1f600}` },
  "200 strings": { count: 1000, valueOf: (id) => list(200, (i) => text(id * 200 + i, 30)) },
  "200 strings that repeat": { count: 2000, valueOf: () => list(200, (i) => (i % 2 === 0 ? "open" : "closed")) },
  "1000 integers": { count: 1000, valueOf: () => list(1000, (i) => i) },
  "1000 fractions": { count: 1000, valueOf: () => list(1000, (i) => i + 0.25) },
  "fractions and strings": { count: 1000, valueOf: () => list(500, (i) => (i % 2 === 0 ? i + 0.25 : "n/a")) },
  "an object of 60 fractions": {
    count: 3000,
    valueOf: (id) =>
      Object.fromEntries(
        list(60, (i) => [`column${"abcdefghij"[i % 10]}${"abcdef"[Math.floor(i / 10)]}`, id + i + 0.5]),
      ),
  },
  "a table of 500 ids": {
    count: 200,
    valueOf: (id) => Object.fromEntries(list(500, (i) => [`product_${id}_${i}`, { price: i }])),
  },
  "a table of 40 ids": {
    count: 1000,
    valueOf: (id) => Object.fromEntries(list(40, (i) => [`product_${id}_${i}`, { price: i }])),
  },
  "a table of 8 ids": {
    count: 3000,
    valueOf: (id) => Object.fromEntries(list(8, (i) => [`product_${id}_${i}`, { price: i }])),
  },
  "a table of 100 numbers": {
    count: 500,
    valueOf: (id) => Object.fromEntries(list(100, (i) => [`${id * 1000 + i * 3}`, i])),
  },
  "booleans and nulls": { count: 5000, valueOf: () => list(100, (i) => (i % 2 === 0 ? null : true)) },
  "a number": { count: 50_000, valueOf: (id) => id + 0.5 },
  "a map of 200 entries": {
    count: 1000,
    valueOf: (id) => new Map(list(200, (i) => [`key of ${id} and ${i}`, { n: i }])),
    codec: rebuilt(
      (map: Map<string, unknown>) => [...map],
      (entries) => new Map(entries),
    ),
  },
  "a set of 300 numbers": {
    count: 1000,
    valueOf: () => new Set(list(300, (i) => i)),
    codec: rebuilt(
      (set: Set<number>) => [...set],
      (members) => new Set(members),
    ),
  },
  "50 dates": {
    count: 2000,
    valueOf: (id) => list(50, (i) => new Date(id * 1000 + i)),
    codec: rebuilt(
      (dates: Date[]) => dates.map(Number),
      (times: number[]) => times.map((time) => new Date(time)),
    ),
  },
  "a buffer": {
    count: 2000,
    valueOf: () => Buffer.alloc(10_000, 1),
    codec: rebuilt(
      (bytes: Buffer) => bytes.toString("base64"),
      (encoded: string) => Buffer.from(encoded, "base64"),
    ),
  },
};
