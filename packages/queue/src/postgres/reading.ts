import { InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { z } from "zod";
import { systemTimerClock } from "../clock.js";
import { isStorableText, textColumns } from "../sql/names.js";
import type { StoredQueue } from "../store.js";
import type { FunctionCalls } from "./calls.js";
import type { PostgresQueueOptions } from "./options.js";
import { parseJob, parseStats } from "./rows.js";

const countsRow = z.object({ waiting: z.number(), delayed: z.number(), active: z.number(), dead: z.number() });
const valueRow = z.object({ value: z.string() });

type Reading = Pick<StoredQueue, "get" | "list" | "counts" | "tenantStats" | "listTenants">;

/** The calls that change nothing. */
export function reading({ name, at, run }: PostgresQueueOptions, call: FunctionCalls): Reading {
  const queue = [name, "text"] as const;
  const select = `select row_to_json(j)::text as value from ${at("scale_queue_job")} as j
where queue = $1::text and id = $2::text`;
  return {
    async get(id) {
      if (!isStorableText(id)) return undefined;
      const [row] = await run(select, [name, id]);
      return row === undefined ? undefined : parseJob(valueRow.parse(row).value, now()).job;
    },
    async list({ state, tenantId, limit, cursor }) {
      const offset = cursor === undefined ? 0 : parseOffset(cursor);
      const tenant = tenantId === undefined ? undefined : textColumns(tenantId).key;
      const args = [queue, [state, "text"], [tenant, "text"], [offset, "int"], [limit + 1, "int"]] as const;
      const texts = await call.rows("scale_queue_list", args);
      const items = texts.slice(0, limit).map((text) => parseJob(text, now()).job);
      return texts.length > limit ? { items, cursor: String(offset + limit) } : { items };
    },
    async counts() {
      return countsRow.parse(JSON.parse(await call.one("scale_queue_counts", [queue])));
    },
    async tenantStats(tenantId) {
      const only = textColumns(tenantId).key;
      const args = [queue, [undefined, "text"], [only, "text"], [1, "int"]] as const;
      const [text] = await call.rows("scale_queue_tenants", args);
      if (text !== undefined) return parseStats(text).stats;
      return { tenantId, paused: false, waiting: 0, delayed: 0, active: 0, dead: 0, oldestWaitMs: 0 };
    },
    async listTenants({ limit, cursor }) {
      if (cursor !== undefined && !isStorableText(cursor)) throw wrongCursor(cursor);
      const args = [queue, [cursor, "text"], [undefined, "text"], [limit + 1, "int"]] as const;
      const found = (await call.rows("scale_queue_tenants", args)).map(parseStats);
      const items = found.slice(0, limit).map(({ stats }) => stats);
      const last = found[limit - 1];
      return found.length > limit && last !== undefined ? { items, cursor: last.key } : { items };
    },
  };
}

const now = (): number => systemTimerClock.now();

function parseOffset(cursor: string): number {
  const offset = Number(cursor);
  if (Number.isSafeInteger(offset) && offset >= 0 && offset < 2 ** 31) return offset;
  throw wrongCursor(cursor);
}

const wrongCursor = (cursor: string): InputError =>
  new InputError(`cursor: expected the cursor of a page before, got ${describeValue(cursor)}`);
