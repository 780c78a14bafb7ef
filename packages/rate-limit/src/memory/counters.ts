import type { Clock } from "@scale/core";
import { type Account, CountAccount, type Place, SlotAccount } from "./counter.js";
import { counterOf } from "../algorithms/counter-of.js";
import { createShards, type Shard } from "./counter-map.js";
import type { Charge, RefundRequest, HeldSlot, RuleStatus, ConsumeRequest, ConsumeResult } from "../types.js";

/** Counts in this process, which are there at once. */
export interface Table {
  take(take: ConsumeRequest): ConsumeResult;
  give(give: RefundRequest): void;
  reset(take: Pick<ConsumeRequest, "tenantId" | "charges">): void;
  release(held: HeldSlot): void;
  /** Charges every rule whatever it holds, up to its limit. */
  charge(take: ConsumeRequest): void;
  /** The entries of one rule, and the time that decides in microseconds: for the short way of `lone.ts`. */
  shardOf(scope: readonly string[]): Shard;
  nowUs(): number;
}

/** The counts of at most `maxKeys` rules and subjects. */
export function createTable({ clock, maxKeys }: { clock: Clock; maxKeys: number }): Table {
  const shardOf = createShards(maxKeys);
  // Windows begin at calendar hours and days, and a wall clock that is set does not move them.
  const offsetMs = clock.now() - clock.monotonic();
  const nowUs = (): number => Math.round((clock.monotonic() + offsetMs) * 1000);

  const placeOf = (tenantId: string, { scope, subject }: Charge, now: number): Place => ({
    shard: shardOf(scope),
    tenantId,
    subject,
    now,
  });

  function open({ tenantId, cost, slot }: ConsumeRequest, charge: Charge, now: number): Account {
    const counter = counterOf(charge.rule);
    const place = placeOf(tenantId, charge, now);
    return counter === undefined
      ? new SlotAccount(place, charge, slot)
      : new CountAccount(place, charge, counter, cost);
  }

  return {
    shardOf,
    nowUs,
    take(take) {
      const now = nowUs();
      const { charges, cost } = take;
      const accounts: Account[] = [];
      let allowed = true;
      for (let i = 0; i < charges.length; i++) {
        const account = open(take, charges[i] as Charge, now);
        accounts.push(account);
        if (!account.fits && !account.charge.rule.shadow) allowed = false;
      }
      const statuses: RuleStatus[] = [];
      for (let i = 0; i < accounts.length; i++)
        statuses.push(settle(accounts[i] as Account, take, allowed && cost > 0));
      return { allowed, atMs: now / 1000, statuses };
    },
    give({ tenantId, units, charges, consumed }) {
      const now = nowUs();
      charges.forEach((charge, i) => {
        const counter = counterOf(charge.rule);
        if (counter === undefined) return;
        const at = consumed.atMs * 1000;
        const emptyAt = at + (consumed.statuses[i]?.resetMs ?? 0) * 1000;
        new CountAccount(placeOf(tenantId, charge, now), charge, counter, 0).giveBack(units, { at, emptyAt });
      });
    },
    reset({ tenantId, charges }) {
      for (const charge of charges) {
        shardOf(charge.scope).delete(tenantId, charge.subject);
      }
    },
    release({ tenantId, charges, slot }) {
      const now = nowUs();
      for (const charge of charges) new SlotAccount(placeOf(tenantId, charge, now), charge, slot).release(slot);
    },
    charge(take) {
      const now = nowUs();
      for (const charge of take.charges) {
        const account = open(take, charge, now);
        account.take(Math.min(take.cost, account.remaining()), undefined);
      }
    },
  };
}

/** Charges one rule of what was admitted, and tells where it stands. */
function settle(account: Account, { cost, slot }: ConsumeRequest, charges: boolean): RuleStatus {
  const { want } = account.charge;
  let granted = 0;
  if (charges && account.fits) {
    account.take(cost, slot);
    if (want !== undefined) {
      granted = account.charge.rule.algorithm === "concurrency" ? 0 : Math.min(want, account.remaining());
      if (granted > 0) account.take(granted, slot);
    }
  }
  const standing = account.standing();
  return want === undefined ? standing : { ...standing, granted };
}
