import { reversed } from "../order.js";
import type { PageArgs, Position, SortKey } from "../types.js";

/** SQL in pieces, for every way to write names and parameters: text, a column of a key, a value of a key as text. */
export type Piece = string | { readonly column: SortKey } | { readonly value: string; readonly of: SortKey };

/** How the database reads a page: from one end, so that a backward page is a forward one of the reversed order. */
export interface Scan {
  readonly keys: readonly SortKey[];
  /** Begins behind this row; `undefined` at the end of the list. */
  readonly from: Position | undefined;
  /** Ends before this row. */
  readonly until: Position | undefined;
}

export function scanOf({ keys, backward, after, before }: PageArgs): Scan {
  return backward ? { keys: reversed(keys), from: before, until: after } : { keys, from: after, until: before };
}

export function orderPieces(keys: readonly SortKey[]): Piece[] {
  return list(
    keys.map((key) => [
      { column: key },
      key.direction === "desc" ? " desc" : "",
      key.nulls === undefined ? "" : ` nulls ${key.nulls}`,
    ]),
  );
}

/** The keys of a row as one JSON text: every driver gives a text as it is. */
export function positionPieces(keys: readonly SortKey[]): Piece[] {
  return ["json_build_array(", ...list(keys.map((key) => [{ column: key }, "::text"])), ")::text"];
}

/**
 * One condition for the rows behind `position`. Where the keys have one direction and no nulls it is a comparison of rows,
 * which an index seeks. Else every level is bounded from outside, so that an index can at least begin at the first key.
 */
export function seekCondition(keys: readonly SortKey[], position: Position): Piece[] {
  const [first, ...rest] = keys;
  const [value, ...others] = position;
  if (first === undefined || value === undefined) return ["false"];
  if (isUniform(keys)) return comparison(keys, position);
  const column = { column: first };
  const deeper = ["(", ...seekCondition(rest, others), ")"];
  if (value === null) {
    const nulls = [column, first.nulls === "last" ? " is null and " : " is not null or "];
    return [...nulls, ...deeper];
  }
  const bound = { value, of: first };
  const [beyond, up] = first.direction === "asc" ? [" > ", " >= "] : [" < ", " <= "];
  const bounded = [column, up, bound, " and (", column, beyond, bound, " or ", ...deeper, ")"];
  return first.nulls === "last" ? [column, " is null or (", ...bounded, ")"] : bounded;
}

/**
 * Conditions for the rows behind `position` that no row meets twice, in the order in which the rows stand. Each is a range
 * of an index on the keys: equal at the first ones, beyond at the next.
 */
export function seekBranches(keys: readonly SortKey[], position: Position): Piece[][] {
  const [first, ...rest] = keys;
  const [value, ...others] = position;
  if (first === undefined || value === undefined) return [];
  if (isUniform(keys)) return [comparison(keys, position)];
  const column = { column: first };
  const equal: Piece[] = value === null ? [column, " is null"] : [column, " = ", { value, of: first }];
  const equalSoFar = seekBranches(rest, others).map((branch) => [...equal, " and ", ...branch]);
  return [...equalSoFar, ...beyond(first, value)];
}

/** The ranges behind a value of one key. */
function beyond(key: SortKey, value: string | null): Piece[][] {
  const column = { column: key };
  if (value === null) return key.nulls === "first" ? [[column, " is not null"]] : [];
  const range: Piece[] = [column, key.direction === "asc" ? " > " : " < ", { value, of: key }];
  return key.nulls === "last" ? [range, [column, " is null"]] : [range];
}

const isUniform = (keys: readonly SortKey[]): boolean =>
  keys.every(({ direction, nulls }) => nulls === undefined && direction === keys[0]?.direction);

function comparison(keys: readonly SortKey[], position: Position): Piece[] {
  const values = keys.map((key, i): Piece => ({ value: position[i] ?? "", of: key }));
  const operator = keys[0]?.direction === "asc" ? " > " : " < ";
  if (keys.length === 1) return [{ column: keys[0] as SortKey }, operator, ...values];
  return [
    "(",
    ...list(keys.map((key) => [{ column: key }])),
    `)${operator}(`,
    ...list(values.map((one) => [one])),
    ")",
  ];
}

const list = (all: readonly Piece[][]): Piece[] => all.flatMap((pieces, i) => (i === 0 ? pieces : [", ", ...pieces]));
