import { StoreError, systemClock } from "@scale/core";
import { withDeadline } from "@scale/core/kit";
import { z } from "zod";
import { inSchema, type QueueSchemaOptions } from "../postgres/sql/index.js";
import type { SqlClient } from "../sql/client.js";
import { type Finding, skewFinding } from "./findings.js";

export interface PostgresDoctorOptions<Tx> extends QueueSchemaOptions {
  readonly client: SqlClient<Tx>;
  /**
   * Deadline of each statement, in milliseconds.
   * @default 2000
   */
  readonly timeoutMs?: number;
}

const settingsRow = z.object({
  now_ms: z.coerce.number(),
  recovery: z.string(),
  fsync: z.string(),
  commit: z.string(),
  tables: z.string().nullable(),
});

/**
 * Checks a Postgres that is to hold jobs.
 * @returns what to change; empty when nothing was found
 * @throws {StoreError} when the server does not answer
 */
export async function checkPostgres<Tx>(options: PostgresDoctorOptions<Tx>): Promise<readonly Finding[]> {
  const { client, timeoutMs = 2000 } = options;
  const turn = inSchema(options)("scale_queue_turn");
  const atMs = systemClock.now();
  const begunMs = systemClock.monotonic();
  const [row] = await ask(
    client.run(
      `select floor(extract(epoch from clock_timestamp()) * 1000)::text as now_ms, pg_is_in_recovery()::text as recovery,
current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit, to_regproc($1::text)::text as tables`,
      [turn],
    ),
    timeoutMs,
  );
  const tookMs = systemClock.monotonic() - begunMs;
  const { now_ms: nowMs, ...settings } = settingsRow.parse(row);
  return [...settingFindings(settings), ...skewFinding(nowMs, { atMs, tookMs })];
}

async function ask<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  try {
    return await withDeadline(work, timeoutMs, "Postgres");
  } catch (cause) {
    throw new StoreError("the doctor got no answer of Postgres", { cause });
  }
}

function settingFindings(found: Omit<z.infer<typeof settingsRow>, "now_ms">): Finding[] {
  const findings: Finding[] = [];
  if (found.recovery === "true") {
    findings.push({
      code: "postgres-standby",
      severity: "error",
      message: "expected the primary, got a standby",
      fix: "Give the store a client of the primary.",
    });
  }
  for (const [setting, value] of [
    ["fsync", found.fsync],
    ["synchronous_commit", found.commit],
  ] as const) {
    if (value !== "off") continue;
    findings.push({
      code: "postgres-not-durable",
      severity: "warning",
      message: `expected ${setting} on, got off: a crash of the machine loses jobs that were acknowledged`,
      fix: `Set ${setting} = on.`,
    });
  }
  if (found.tables === null) {
    findings.push({
      code: "postgres-tables",
      severity: "error",
      message: "expected the functions of queueTables(), got none",
      fix: "Run queueTables() in a migration, and the same schema in its options and in those of the store.",
    });
  }
  return findings;
}
