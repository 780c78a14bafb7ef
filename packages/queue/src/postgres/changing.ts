import { z } from "zod";
import { isStorableText, textColumns } from "../sql/names.js";
import type { CancelOutcome, StoredQueue } from "../store.js";
import type { TenantShare } from "../types.js";
import type { FunctionCalls } from "./calls.js";
import type { PostgresQueueOptions } from "./options.js";
import { shareText } from "./rows.js";

const cancelledRow = z.object({ cancelled: z.number(), cancelling: z.number() });
const cancelOutcome: z.ZodType<CancelOutcome> = z.enum(["cancelled", "cancelling", "finished", "unknown"]);

type Changing = Pick<
  StoredQueue,
  "cancel" | "cancelTenant" | "redrive" | "pauseTenant" | "resumeTenant" | "setShare" | "purgeTenant"
>;

export interface ChangingContext {
  readonly call: FunctionCalls;
  /** Lets the consumers of this process look for jobs. */
  wake(): void;
}

/** The calls of operators, about jobs and tenants that exist. */
export function changing({ name }: PostgresQueueOptions, { call, wake }: ChangingContext): Changing {
  const queue = [name, "text"] as const;

  async function setTenant(tenantId: string, change: { readonly share?: TenantShare; readonly paused?: boolean }) {
    const { key, full } = textColumns(tenantId);
    const paused = change.paused === undefined ? undefined : String(change.paused);
    const share = shareText({ key, full }, change.share);
    await call.one("scale_queue_set_tenant", [queue, [key, "text"], [share, "text"], [paused, "boolean"]]);
    wake();
  }

  return {
    async cancel(id) {
      if (!isStorableText(id)) return "unknown";
      return cancelOutcome.parse(await call.one("scale_queue_cancel", [queue, [id, "text"]]));
    },
    async cancelTenant(tenantId, limit) {
      const args = [queue, [textColumns(tenantId).key, "text"], [limit, "int"]] as const;
      return cancelledRow.parse(JSON.parse(await call.one("scale_queue_cancel_tenant", args)));
    },
    async redrive({ tenantId, ids, ...query }) {
      const filter = {
        ...query,
        ...(ids !== undefined && { ids: ids.filter(isStorableText) }),
        ...(tenantId !== undefined && { tenant: textColumns(tenantId).key }),
      };
      const moved = Number(await call.one("scale_queue_redrive", [queue, [JSON.stringify(filter), "text"]]));
      if (moved > 0) wake();
      // Moved jobs are not found again: the next call starts at the oldest one, as this one did.
      return moved < query.max ? { moved } : { moved, cursor: "next" };
    },
    pauseTenant: (tenantId) => setTenant(tenantId, { paused: true }),
    resumeTenant: (tenantId) => setTenant(tenantId, { paused: false }),
    setShare: (tenantId, share) => setTenant(tenantId, { share }),
    async purgeTenant(tenantId, limit) {
      const args = [queue, [textColumns(tenantId).key, "text"], [limit, "int"]] as const;
      return Number(await call.one("scale_queue_purge", args));
    },
  };
}
