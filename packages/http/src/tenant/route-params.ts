import type { HttpFacts } from "../types.js";

/** The further argument of a route handler, by its request: Next passes the parameters there. */
const contexts = new WeakMap<Request, object>();

export function noteRouteContext(request: Request, context: unknown): void {
  if (typeof context === "object" && context !== null && "params" in context) contexts.set(request, context);
}

/**
 * Reads a parameter of the route, as the router has decoded it; `undefined` in front of the router. Express and Fastify keep the
 * parameters in `params` of their request; Next in a promise, and several segments in a list.
 */
export function routeParam({ raw }: HttpFacts, name: string): unknown {
  const source = raw instanceof Request ? contexts.get(raw) : raw;
  const params: unknown =
    typeof source === "object" && source !== null && "params" in source ? source.params : undefined;
  if (params instanceof Promise) return params.then((found) => ownOf(found, name));
  return ownOf(params, name);
}

function ownOf(params: unknown, name: string): unknown {
  return typeof params === "object" && params !== null && Object.hasOwn(params, name)
    ? (params as Record<string, unknown>)[name]
    : undefined;
}
