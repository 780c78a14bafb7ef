import type { Clock, Plans } from "@scale/core";
import { overageUse, type QuotaRefusal, storeFail, useRefuse } from "@scale/quota";
import type { QuotaCount } from "../quota.js";
import type { Count, LiveData, QuotaPlanRow, QuotaRow } from "./data.js";
import { type Counter, createCounter } from "./tally.js";

/** What quotas admitted and refused. */
export interface QuotaBoard {
  counted(count: QuotaCount): void;
  read(): LiveData["quotas"];
  /** Ends the listening. */
  end(): void;
}

interface Seen {
  readonly tenantId: string;
  readonly metric: string;
  plan: string | undefined;
  used: number;
  upgrade: string | undefined;
  readonly refused: Counter;
}

/** Counts of a tenant that are kept. Further ones are in the sums alone. */
const MAX_SEEN = 3000;
const SHOWN = 10;

/** Keeps where tenants stand as far as this process has changed it, and what was refused. */
export function createQuotaBoard(plans: Plans, clock: Clock): QuotaBoard {
  const seen = new Map<string, Seen>();
  const refusals = new Map(plans.names.map((name) => [name, createCounter(clock)]));
  const overage = createCounter(clock);
  const storeFailures = createCounter(clock);

  function find(tenantId: string, metric: string): Seen | undefined {
    const key = JSON.stringify([tenantId, metric]);
    const known = seen.get(key);
    if (known !== undefined || seen.size >= MAX_SEEN) return known;
    const made: Seen = {
      tenantId,
      metric,
      plan: undefined,
      used: 0,
      upgrade: undefined,
      refused: createCounter(clock),
    };
    seen.set(key, made);
    return made;
  }

  function counted({ tenantId, metric, plan, used }: QuotaCount): void {
    if (used === undefined) return;
    const count = find(tenantId, metric);
    if (count === undefined) return;
    count.used = used;
    count.plan = plan ?? count.plan;
  }

  function refused({ tenantId, metric, plan, used, upgrade }: QuotaRefusal): void {
    refusals.get(plan)?.add();
    const count = find(tenantId, metric);
    if (count === undefined) return;
    Object.assign(count, { used, plan, upgrade: upgrade?.to });
    count.refused.add();
  }

  const subscriptions = [
    useRefuse.subscribe(refused),
    overageUse.subscribe(() => overage.add()),
    storeFail.subscribe(() => storeFailures.add()),
  ];
  return {
    counted,
    read: () => ({
      nearest: nearest([...seen.values()], plans),
      plans: plans.names.map((name) => planRow(plans, name, refusals.get(name)?.read())),
      overage: overage.read(),
      storeFailures: storeFailures.read(),
    }),
    end: () => subscriptions.forEach((end) => end()),
  };
}

/** By the part of the limit that is used, the fullest first. */
function nearest(seen: readonly Seen[], plans: Plans): QuotaRow[] {
  const rows = seen.flatMap(({ plan, refused, upgrade, ...rest }): QuotaRow[] => {
    const limit = plan === undefined ? undefined : plans.find(plan)?.quota?.[rest.metric]?.limit;
    if (plan === undefined || limit === undefined || limit === Infinity) return [];
    return [{ ...rest, plan, limit, refused: refused.read(), upgrade: upgrade ?? null }];
  });
  const part = ({ used, limit }: QuotaRow): number => used / Math.max(limit, 1);
  return rows.sort((a, b) => part(b) - part(a) || b.refused.total - a.refused.total).slice(0, SHOWN);
}

function planRow(plans: Plans, plan: string, refused: Count = { last: 0, total: 0 }): QuotaPlanRow {
  const limits = Object.entries(plans.find(plan)?.quota ?? {}).map(([metric, { limit, max }]) => {
    // JSON has no Infinity.
    return { metric, limit: limit === Infinity ? null : limit, more: max > limit ? max - limit : 0 };
  });
  return { plan, limits, refused };
}
