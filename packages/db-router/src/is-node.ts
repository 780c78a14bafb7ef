import type { DbNode } from "./types.js";

/** True for a value that has the members of a node and of its pool that the router uses. */
export function isNode(value: unknown): value is DbNode {
  if (typeof value !== "object" || value === null) return false;
  const { name, pool, probe } = value as Partial<Record<keyof DbNode, unknown>>;
  if (typeof name !== "string" || name === "" || typeof probe !== "function") return false;
  return typeof pool === "object" && pool !== null && "query" in pool && "connect" in pool && "on" in pool;
}
