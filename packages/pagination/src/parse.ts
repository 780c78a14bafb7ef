import { InputError } from "@scale/core";
import { type Deadline, describeValue } from "@scale/core/kit";
import { type CursorScope, decodeCursor, encodeCursor } from "./cursor.js";
import { numberedPage } from "./offset.js";
import { countParam, param, textParam } from "./params.js";
import { type PageSize, sizesOf } from "./sizes.js";
import type { Order, PageArgs } from "./types.js";

/** A definition, and who asks. */
export interface RequestScope extends Pick<CursorScope, "signers" | "version" | "tenantId"> {
  readonly orders: ReadonlyMap<string, Order>;
  readonly sizes: PageSize;
  readonly plan: PageSize | undefined;
  readonly maxOffset: number;
  readonly inTime: Deadline;
}

/** @throws {InputError} for everything that a request may not ask for */
export function parseRequest(query: object, scope: RequestScope): PageArgs {
  const { tenantId, inTime } = scope;
  const [order, keys] = chosenOrder(query, scope.orders);
  const { size, backward } = askedSize(query, scope);
  const cursors = { ...scope, order, keys };
  const positionOf = (name: "after" | "before") => {
    const text = textParam(query, name);
    return text === undefined ? undefined : decodeCursor(text, name, cursors);
  };
  const [after, before] = [positionOf("after"), positionOf("before")];
  const { offset } = numberedPage(query, size, scope.maxOffset);
  if (param(query, "page") !== undefined && (backward || after || before)) {
    throw new InputError("page: expected none beside after, before and last");
  }
  const cursorOf: PageArgs["cursorOf"] = (position) => encodeCursor(position, cursors);
  return { tenantId, order, keys, size, backward, after, before, offset, cursorOf, inTime };
}

function chosenOrder(query: object, orders: ReadonlyMap<string, Order>): readonly [string, Order] {
  const [first] = orders.keys();
  const name = param(query, "order") ?? first;
  const keys = typeof name === "string" ? orders.get(name) : undefined;
  if (typeof name === "string" && keys !== undefined) return [name, keys];
  throw new InputError(`order: expected one of ${[...orders.keys()].join(", ")}, got ${describeValue(name)}`);
}

function askedSize(query: object, { sizes, plan }: RequestScope): { size: number; backward: boolean } {
  const asked = (["first", "last", "limit"] as const).filter((name) => param(query, name) !== undefined);
  if (asked.length > 1) throw new InputError(`${asked.join(" and ")}: expected one of them`);
  const { size, max } = sizesOf(sizes, plan);
  const [name] = asked;
  const wanted = name === undefined ? size : (countParam(query, name) ?? size);
  // `first` and `last` say from which end; else the only cursor says it.
  const onlyBefore = param(query, "before") !== undefined && param(query, "after") === undefined;
  const backward = name === "last" || (name !== "first" && onlyBefore);
  return { size: Math.min(wanted, max), backward };
}
