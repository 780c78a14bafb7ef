import { excessOf } from "../definition/bounds.js";
import { roundTrip, writeEnvelope } from "../definition/envelope.js";
import { lifetimeOf } from "../definition/lifetimes.js";
import { valueRefuse } from "../events.js";
import type { Entry } from "../memory/types.js";
import type { Invalidation } from "../store.js";
import type { CacheContext } from "./context.js";
import { addressOf, type EntryRef } from "./entry-ref.js";
import { openFence } from "./fence.js";
import { APPLIED, invalidate, queueInvalidation, type Receipt } from "./invalidate.js";
import { createL1Entry, storeInL1IfCurrent } from "./l1-entry.js";
import type { L1Meta } from "./tenant-state.js";

const REFUSED: Receipt = { state: "refused" };

/**
 * Writes a value: takes the lease from any current holder, and fills it. A fill that is late, and overtaken by an
 * invalidation, changes nothing.
 * @param write `ttlMs` replaces the ttl of the definition
 * @throws what the schema or the codec throws
 */
export async function set(
  context: CacheContext,
  ref: EntryRef,
  write: { readonly value: unknown; readonly version: number | undefined; readonly ttlMs: number | undefined },
): Promise<Receipt> {
  const { tenant } = ref;
  // The tenant state must stay registered: its flights have to be detached when the claim succeeds.
  tenant.pendingCalls++;
  try {
    return await writeThrough(context, ref, write);
  } finally {
    tenant.pendingCalls--;
  }
}

async function writeThrough(context: CacheContext, ref: EntryRef, write: Parameters<typeof set>[2]): Promise<Receipt> {
  const { tenant, definition, storeKey } = ref;
  const { store, clock } = context;
  const { value, text } = roundTrip(definition.serializer, write.value);
  const tags = definition.tagsOf(value, ref.params);
  const lifetime = lifetimeOf(definition.times, value, { ttlMs: write.ttlMs, random: context.random() });
  const outdated: Invalidation = {
    tenantId: tenant.tenantId,
    keys: [storeKey],
    tags: [],
    all: false,
    from: context.id,
  };
  if (store === undefined && isOlder(write.version, tenant.peek(definition.name, ref.key), clock.monotonic())) {
    return REFUSED;
  }
  const excess = excessOf(tags);
  if (excess !== undefined) {
    valueRefuse.publish(() => ({ tenantId: tenant.tenantId, name: definition.name, ...excess }));
    // The new value is kept nowhere, and the old one must not stay.
    return invalidate(context, tenant, outdated);
  }
  tenant.apply(outdated);
  let isCurrent = openFence(context, tenant);
  if (store !== undefined) {
    const header = { version: definition.version, key: storeKey };
    const content = { ...lifetime, text: writeEnvelope({ text, loadMs: 0 }, header), tags };
    const address = addressOf(ref);
    try {
      const claim = await store.claim(address, { to: "write", version: write.version });
      tenant.apply(outdated);
      isCurrent = openFence(context, tenant);
      if (claim.is !== "leased") return REFUSED;
      if (!(await store.fillIn({ ...address, token: claim.token, notify: context.id }, content))) return REFUSED;
    } catch (error) {
      tenant.apply(outdated);
      return queueInvalidation(context, outdated, error);
    }
  }
  const meta: L1Meta = { tagGeneration: tenant.tagGeneration, filledAt: clock.monotonic(), loadMs: 0 };
  // Without a store only L1 knows which version a value has.
  const versioned = write.version === undefined ? meta : { ...meta, version: write.version };
  const entry = createL1Entry({ value, chars: text?.length ?? 0 }, { ...lifetime, tags }, versioned);
  storeInL1IfCurrent(context, ref, { entry, isCurrent: isCurrent() });
  return APPLIED;
}

function isOlder(version: number | undefined, current: Entry | undefined, now: number): boolean {
  if (version === undefined || current === undefined || current.usableUntil <= now) return false;
  return version < ((current.meta as L1Meta).version ?? -Infinity);
}
