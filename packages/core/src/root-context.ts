import { AsyncResource } from "node:async_hooks";
import { withoutTenant } from "./tenancy.js";

// Captured when the module is loaded, before the process serves requests, so that it holds nothing of any storage, whichever
// library owns it. A framework may also load modules inside its first request: the tenant is left out in any case.
const root = withoutTenant(() => new AsyncResource("scale:root"));

/**
 * Runs `fn`, and everything it starts, outside of the caller's async context: without its tenant, and without what other
 * libraries keep there, such as a trace or a transaction. For what several requests share: a timer, batch, poller or
 * subscription keeps the context in which it was started, and would run for the tenant of that request ever after.
 */
export function inRootContext<T>(fn: () => T): T {
  // In a resource of its own: what `fn` sets with `enterWith` would stay in `root`.
  return root.runInAsyncScope(() => new AsyncResource("scale:detached").runInAsyncScope(fn));
}
