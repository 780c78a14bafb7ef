import { reverseOrder } from "../order.js";
import type { PageArgs, Position, SortKey } from "../types.js";

/** A token of SQL: text, a column of a key, or a value of a key. Each client writes columns and values its own way. */
export type SqlToken = string | { readonly column: SortKey } | { readonly value: string; readonly of: SortKey };

/** Keyset scan of a page, always forward: a backward page is a forward scan of the reversed order. */
export interface Scan {
  readonly keys: readonly SortKey[];
  /** The scan starts after this row; `undefined` to start at the end of the list. */
  readonly from: Position | undefined;
  /** The scan ends before this row. */
  readonly until: Position | undefined;
}

export function scanOf({ keys, backward, after, before }: PageArgs): Scan {
  return backward ? { keys: reverseOrder(keys), from: before, until: after } : { keys, from: after, until: before };
}

export function orderTokens(keys: readonly SortKey[]): SqlToken[] {
  return joinTokens(
    keys.map((key) => [
      { column: key },
      key.direction === "desc" ? " desc" : "",
      key.nulls === undefined ? "" : ` nulls ${key.nulls}`,
    ]),
  );
}

/** The keys of a row as one JSON string, because every driver returns strings unchanged. */
export function positionTokens(keys: readonly SortKey[]): SqlToken[] {
  return ["json_build_array(", ...joinTokens(keys.map((key) => [{ column: key }, "::text"])), ")::text"];
}

/**
 * Keyset condition for the rows after `position`, as one expression. If all keys have the same direction and no nulls it is a
 * row comparison, which an index can seek. Otherwise each level repeats a bound on its key, so that an index can at least
 * start at the first key.
 */
export function keysetCondition(keys: readonly SortKey[], position: Position): SqlToken[] {
  const [first, ...rest] = keys;
  const [value, ...others] = position;
  if (first === undefined || value === undefined) return ["false"];
  if (isUniform(keys)) return comparison(keys, position);
  const column = { column: first };
  const deeper = ["(", ...keysetCondition(rest, others), ")"];
  if (value === null) {
    const nulls = [column, first.nulls === "last" ? " is null and " : " is not null or "];
    return [...nulls, ...deeper];
  }
  const bound = { value, of: first };
  const [rangesAfter, up] = first.direction === "asc" ? [" > ", " >= "] : [" < ", " <= "];
  const bounded = [column, up, bound, " and (", column, rangesAfter, bound, " or ", ...deeper, ")"];
  return first.nulls === "last" ? [column, " is null or (", ...bounded, ")"] : bounded;
}

/**
 * Disjoint keyset conditions for the rows after `position`, in the order of their rows. Each is one range of an index on the
 * keys: equal in the first keys, greater (or lower) in the next.
 */
export function keysetRanges(keys: readonly SortKey[], position: Position): SqlToken[][] {
  const [first, ...rest] = keys;
  const [value, ...others] = position;
  if (first === undefined || value === undefined) return [];
  if (isUniform(keys)) return [comparison(keys, position)];
  const column = { column: first };
  const equal: SqlToken[] = value === null ? [column, " is null"] : [column, " = ", { value, of: first }];
  const equalSoFar = keysetRanges(rest, others).map((branch) => [...equal, " and ", ...branch]);
  return [...equalSoFar, ...beyond(first, value)];
}

/** The index ranges after a value of one key. */
function beyond(key: SortKey, value: string | null): SqlToken[][] {
  const column = { column: key };
  if (value === null) return key.nulls === "first" ? [[column, " is not null"]] : [];
  const range: SqlToken[] = [column, key.direction === "asc" ? " > " : " < ", { value, of: key }];
  return key.nulls === "last" ? [range, [column, " is null"]] : [range];
}

const isUniform = (keys: readonly SortKey[]): boolean =>
  keys.every(({ direction, nulls }) => nulls === undefined && direction === keys[0]?.direction);

function comparison(keys: readonly SortKey[], position: Position): SqlToken[] {
  const values = keys.map((key, i): SqlToken => ({ value: position[i] ?? "", of: key }));
  const operator = keys[0]?.direction === "asc" ? " > " : " < ";
  if (keys.length === 1) return [{ column: keys[0] as SortKey }, operator, ...values];
  return [
    "(",
    ...joinTokens(keys.map((key) => [{ column: key }])),
    `)${operator}(`,
    ...joinTokens(values.map((one) => [one])),
    ")",
  ];
}

const joinTokens = (all: readonly SqlToken[][]): SqlToken[] =>
  all.flatMap((pieces, i) => (i === 0 ? pieces : [", ", ...pieces]));
