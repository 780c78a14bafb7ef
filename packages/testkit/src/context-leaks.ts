import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { settleAll } from "./settle.js";

/** The part of `tenancy` in `@scale/core` that is needed. */
interface Tenancy {
  run<T>(context: { readonly tenantId: string }, fn: () => T): T;
  current(): { readonly tenantId: string } | undefined;
}

/** Called inside a callback: notes in whose async context the callback runs. `what` names the callback. */
export type Look = (what: string) => void;

/** The work of two tenants that share a timer, a batch, a poller, a connection or a subscription. */
export interface SharedWork {
  readonly tenancy: Tenancy;
  /** Names of the diagnostics channels whose messages are looked at; a message belongs to the tenant of its `tenantId`. */
  readonly events?: readonly string[];
  /** Runs for the tenant "first", which starts what is shared. */
  readonly first: (look: Look) => unknown;
  /** Runs for the tenant "second", in the same turn of the event loop. Its callbacks call `look`. */
  readonly second: (look: Look) => unknown;
}

/** Stands for the storage of another library, such as a tracer. */
const trace = new AsyncLocalStorage<string>();

/**
 * Runs the work of both tenants, each with a trace of its own, and looks in whose context its callbacks and events run:
 * that of their own tenant and none are right.
 * @returns a line for each callback or event that ran in the context of the other tenant
 * @throws when there was none to look at, so that a test cannot pass without a proof
 */
export async function contextLeaks({ tenancy, events = [], first, second }: SharedWork): Promise<string[]> {
  const leaks = new Set<string>();
  let looks = 0;

  function look(what: string, owner: string | undefined): void {
    looks++;
    for (const [kind, found] of [
      ["tenant", tenancy.current()?.tenantId],
      ["trace", trace.getStore()],
    ]) {
      if (found !== undefined && found !== owner) leaks.add(`${what} of ${owner ?? "no tenant"} in ${kind} ${found}`);
    }
  }

  const unwatch = events.map((name) => watch(name, (owner) => look(name, owner)));
  const runFor = (tenantId: string, work: (look: Look) => unknown): Promise<unknown> =>
    tenancy.run({ tenantId }, () => trace.run(tenantId, async () => work((what) => look(what, tenantId))));
  try {
    await settleAll([runFor("first", first), runFor("second", second)]);
  } finally {
    for (const end of unwatch) end();
  }
  if (looks === 0) throw new Error("contextLeaks: expected a callback that calls `look`, or an event, got none");
  return [...leaks].sort();
}

/** @returns a function that ends the subscription */
function watch(name: string, onMessage: (tenantId: string | undefined) => void): () => void {
  const listener = (message: unknown): void => {
    const isOfTenant = typeof message === "object" && message !== null && "tenantId" in message;
    onMessage(isOfTenant && typeof message.tenantId === "string" ? message.tenantId : undefined);
  };
  subscribe(name, listener);
  return () => void unsubscribe(name, listener);
}
