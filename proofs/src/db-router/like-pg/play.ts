import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool, PoolClient } from "pg";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import type { ClientStep, Program, Statement, Step } from "./programs.js";

/** Outcome of a step: the answers of its statements, as JSON, or the codes of their errors. */
export type Outcome = readonly string[];

/** A pool under test, and the table of one program on it. */
export interface Side {
  readonly pool: Pool;
  readonly table: string;
  readonly isPlain: boolean;
}

/** No statement of a program takes a hundredth of it. */
const HANG_MS = 10_000;
/** Time for the close of a cursor; a next statement of the client shows whether it has closed. */
const CLOSE_MS = 2_000;
export const HANG = "no answer";

/** Runs a program; its outcomes end with the first step without an answer, and after the first that `isOver` says ends it. */
export async function play(
  { steps }: Program,
  side: Side,
  isOver: (outcome: Outcome) => boolean = () => false,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const step of steps) {
    const outcome = await runStep(step, side);
    outcomes.push(outcome);
    if (outcome.includes(HANG) || isOver(outcome)) break;
  }
  return outcomes;
}

async function runStep(step: Step, side: Side): Promise<Outcome> {
  if (step.do === "query") return [await settle(query(side.pool, step.statement, side.table))];
  if (step.do === "together") {
    return Promise.all(step.statements.map((each) => settle(query(side.pool, each, side.table))));
  }
  let client: PoolClient;
  try {
    client = await side.pool.connect();
  } catch (error) {
    return [codeOf(error)];
  }
  // Without a listener a lost connection ends the process, with plain `pg` too.
  client.on("error", ignore);
  const outcomes: string[] = [];
  for (const each of step.steps) {
    outcomes.push(await settle(runClientStep(client, each, side)));
    if (outcomes.at(-1) === HANG) break;
  }
  client.off("error", ignore);
  client.release(step.destroy || outcomes.includes(HANG));
  return outcomes;
}

const ignore = (): void => undefined;

async function runClientStep(client: PoolClient, step: ClientStep, { table, isPlain }: Side): Promise<unknown> {
  if (step.do === "query") return query(client, step.statement, table);
  const text = step.text.replaceAll("$t", table);
  // After a cursor or stream that was closed before it began, a client of plain `pg` may never answer again.
  if (isPlain && (step.do === "cursor" ? step.reads.length === 0 : step.take === 0)) return [];
  return step.do === "cursor" ? readCursor(client, text, step.reads) : takeRows(client, text, step.take);
}

async function readCursor(client: PoolClient, text: string, reads: readonly number[]): Promise<unknown> {
  const cursor = client.query(new Cursor(text));
  const batches: number[] = [];
  try {
    for (const count of reads) batches.push((await cursor.read(count)).length);
  } finally {
    // `pg-cursor` never closes on a connection that is lost.
    await Promise.race([cursor.close(), sleep(CLOSE_MS, undefined, { ref: false })]);
  }
  return batches;
}

async function takeRows(client: PoolClient, text: string, take: number): Promise<unknown> {
  const stream = client.query(new QueryStream(text));
  if (take === 0) {
    stream.on("error", ignore);
    stream.destroy();
    return [];
  }
  const rows: unknown[] = [];
  // Leaving the loop destroys the stream.
  for await (const row of stream) if (rows.push(row) >= take) break;
  return rows;
}

function query(
  on: Pick<Pool, "query">,
  { text: written, values = [], form }: Statement,
  table: string,
): Promise<unknown> {
  const text = written.replaceAll("$t", table);
  const list = [...values];
  if (form === "callback") {
    return new Promise((resolve, reject) => {
      on.query(text, list, (error: unknown, result: unknown) => (isNothing(error) ? resolve(result) : reject(error)));
    });
  }
  if (form === "config") return on.query({ text, values: list });
  if (form === "named") return on.query({ name: nameOf(text), text, values: list });
  if (form === "array") return on.query({ text, values: list, rowMode: "array" });
  return on.query(text, list);
}

const isNothing = (value: unknown): boolean => value === undefined || value === null;

/** Names of statements are cut off at 63 bytes by the server. */
const nameOf = (text: string): string => createHash("sha256").update(text).digest("base64url");

async function settle(work: Promise<unknown>): Promise<string> {
  const timer = new AbortController();
  const hang = sleep(HANG_MS, HANG, { signal: timer.signal, ref: false });
  try {
    const answer = await Promise.race([work.then(answerOf), hang]);
    return answer === HANG ? HANG : JSON.stringify(answer);
  } catch (error) {
    return codeOf(error);
  } finally {
    hang.catch(ignore);
    timer.abort();
  }
}

function answerOf(result: unknown): unknown {
  if (typeof result !== "object" || result === null || !("rows" in result)) return result;
  const { command, rowCount, rows, fields } = result as {
    command: string;
    rowCount: number;
    rows: unknown;
    fields: { name: string }[];
  };
  return { command, rowCount, rows, fields: fields.map(({ name }) => name) };
}

/** The server's code, or the client's message. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return `error ${String(error)}`;
  return "code" in error && typeof error.code === "string" ? `error ${error.code}` : `error ${error.message}`;
}
