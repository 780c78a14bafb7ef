import { InputError } from "@scale/core";
import { type Deadline, describeValue } from "@scale/core/kit";
import { type CursorScope, decodeCursor, encodeCursor } from "./cursor.js";
import { parsePageNumber } from "./offset.js";
import { integerParam, param, stringParam } from "./params.js";
import { type PageSize, resolveSizes } from "./sizes.js";
import type { Order, PageArgs } from "./types.js";

/** A definition, with the tenant and plan of the request. */
export interface RequestScope extends Pick<CursorScope, "signers" | "list" | "version" | "tenantId"> {
  readonly orders: ReadonlyMap<string, Order>;
  readonly sizes: PageSize;
  readonly plan: PageSize | undefined;
  readonly maxOffset: number;
  readonly deadline: Deadline;
}

/** @throws {InputError} for an invalid parameter */
export function parseRequest(query: object, scope: RequestScope): PageArgs {
  const { tenantId, deadline } = scope;
  const [order, keys] = parseOrder(query, scope.orders);
  const { size, keepLast, backward } = parseSize(query, scope);
  const cursors = { ...scope, order, keys };
  const positionOf = (name: "after" | "before") => {
    const text = stringParam(query, name);
    return text === undefined ? undefined : decodeCursor(text, name, cursors);
  };
  const [after, before] = [positionOf("after"), positionOf("before")];
  const { offset } = parsePageNumber(query, size, scope.maxOffset);
  if (param(query, "page") !== undefined && (backward || keepLast !== undefined || after || before)) {
    throw new InputError("page: expected no page with after, before or last");
  }
  const cursorOf: PageArgs["cursorOf"] = (position) => encodeCursor(position, cursors);
  return { tenantId, order, keys, size, keepLast, backward, after, before, offset, cursorOf, deadline };
}

function parseOrder(query: object, orders: ReadonlyMap<string, Order>): readonly [string, Order] {
  const [first] = orders.keys();
  const name = param(query, "order") ?? first;
  const keys = typeof name === "string" ? orders.get(name) : undefined;
  if (typeof name === "string" && keys !== undefined) return [name, keys];
  throw new InputError(`order: expected one of ${[...orders.keys()].join(", ")}, got ${describeValue(name)}`);
}

interface WantedRows {
  readonly size: number;
  readonly keepLast: number | undefined;
  readonly backward: boolean;
}

/** `first` and `last` are the arguments of Relay: 0 is an empty page, and both together are the last of the first rows. */
function parseSize(query: object, { sizes, plan }: RequestScope): WantedRows {
  const given = (["first", "last", "limit"] as const).filter((name) => param(query, name) !== undefined);
  if (given.length > 1 && given.includes("limit"))
    throw new InputError(`${given.join(" and ")}: expected only one of them`);
  const { size, max } = resolveSizes(sizes, plan);
  const [first, last] = [integerParam(query, "first", 0), integerParam(query, "last", 0)];
  const wanted = first ?? last ?? integerParam(query, "limit") ?? size;
  // `first` and `last` set the direction; without them a single cursor does.
  const onlyBefore = param(query, "before") !== undefined && param(query, "after") === undefined;
  const backward = first === undefined && (last !== undefined || onlyBefore);
  const keepLast = first === undefined || last === undefined ? undefined : Math.min(last, max);
  return { size: Math.min(wanted, max), keepLast, backward };
}
