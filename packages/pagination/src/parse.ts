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
  const { size, backward } = parseSize(query, scope);
  const cursors = { ...scope, order, keys };
  const positionOf = (name: "after" | "before") => {
    const text = stringParam(query, name);
    return text === undefined ? undefined : decodeCursor(text, name, cursors);
  };
  const [after, before] = [positionOf("after"), positionOf("before")];
  const { offset } = parsePageNumber(query, size, scope.maxOffset);
  if (param(query, "page") !== undefined && (backward || after || before)) {
    throw new InputError("page: expected no page with after, before or last");
  }
  const cursorOf: PageArgs["cursorOf"] = (position) => encodeCursor(position, cursors);
  return { tenantId, order, keys, size, backward, after, before, offset, cursorOf, deadline };
}

function parseOrder(query: object, orders: ReadonlyMap<string, Order>): readonly [string, Order] {
  const [first] = orders.keys();
  const name = param(query, "order") ?? first;
  const keys = typeof name === "string" ? orders.get(name) : undefined;
  if (typeof name === "string" && keys !== undefined) return [name, keys];
  throw new InputError(`order: expected one of ${[...orders.keys()].join(", ")}, got ${describeValue(name)}`);
}

function parseSize(query: object, { sizes, plan }: RequestScope): { size: number; backward: boolean } {
  const given = (["first", "last", "limit"] as const).filter((name) => param(query, name) !== undefined);
  if (given.length > 1) throw new InputError(`${given.join(" and ")}: expected only one of them`);
  const { size, max } = resolveSizes(sizes, plan);
  const [name] = given;
  const wanted = name === undefined ? size : (integerParam(query, name) ?? size);
  // `first` and `last` set the direction; without them a single cursor does.
  const onlyBefore = param(query, "before") !== undefined && param(query, "after") === undefined;
  const backward = name === "last" || (name !== "first" && onlyBefore);
  return { size: Math.min(wanted, max), backward };
}
