import type { Router } from "@scale/db-router";
import { routedPool } from "@scale/db-router/pg";
import {
  type ContactsCluster,
  type Line,
  type SectionOptions,
  seededRandom,
  startContacts,
  waitUntil,
} from "@scale/testkit";
import { Pool } from "pg";
import { line } from "../../bound.js";
import { addressesOf, routerOn, SEED } from "../stage.js";
import { type Faults, startFaults } from "./faults.js";
import { HANG, type Outcome, play } from "./play.js";
import { makeProgram, type Program } from "./programs.js";
import { createFunctions, createTables } from "./schema.js";

/** More programs at a time than connections: they wait for each other. */
const WORKERS = 8;
const CONNECTIONS = 5;

/** Errors that a pool of `pg` gives, too, while its server dies or freezes, and the router's own for the same. */
const OF_FAULTS =
  /^error (?:SCALE_\w+|57P0\d|53300|08\w{3}|40001|E[A-Z]+|Connection terminated.*|timeout exceeded.*|Client has encountered.*|Query read timeout)$/;

/** Does a routed pool answer as a pool of `pg` does, with the same program? */
export async function* likePg({ smoke }: SectionOptions): AsyncIterable<Line> {
  const cluster = await startContacts();
  const router = await routerOn(addressesOf(cluster), { config: { max: CONNECTIONS, min: 0 } });
  const plain = new Pool({ connectionString: cluster.primary.url, max: CONNECTIONS });
  plain.on("error", () => undefined);
  const pool = routedPool(router);
  try {
    await createFunctions(cluster.primary);
    const programs = Array.from({ length: smoke ? 15 : 200 }, (_, i) => makeProgram(SEED + i));
    const stage = { cluster, router, pool };
    const reference = await playAll(programs, { cluster, pool: plain, name: "plain" });
    const calm = await playAll(programs, { ...stage, name: "calm" });
    yield* judgeCalm(programs, reference, calm);
    yield await places(router, plain);
    for (const of of ["replicas", "primary"] as const) {
      const some = smoke ? programs.slice(0, 6) : programs;
      const begun: Faults[] = [];
      const begin = (): void => void begun.push(startFaults(cluster, seededRandom(SEED), of));
      const troubled = await playAll(some, { ...stage, name: of, isOver: isOfFaults, begin });
      await Promise.all(begun.map((faults) => faults.stop()));
      yield* judgeTroubled({ programs: some, reference, troubled, of, faults: begun[0]?.count ?? 0 });
    }
    yield await places(router, plain);
  } finally {
    await plain.end();
    await pool.end();
    await router.close({ drainMs: 500 });
    await cluster.stop();
  }
}

interface Stage {
  readonly cluster: ContactsCluster;
  readonly pool: Pool;
  /** Each program is a session of it; without one it is plain `pg`. */
  readonly router?: Router;
  readonly name: string;
  readonly isOver?: (outcome: Outcome) => boolean;
  /** Called when every node has the tables. */
  readonly begin?: () => void;
}

async function playAll(programs: readonly Program[], stage: Stage): Promise<Outcome[][]> {
  const { cluster, pool, router, name, isOver, begin } = stage;
  const tables = programs.map((_, i) => `like_pg_${name}_${i}`);
  await createTables(cluster.primary, tables);
  await cluster.caughtUp();
  begin?.();
  const outcomes: Outcome[][] = [];
  let next = 0;
  async function worker(): Promise<void> {
    for (let i = next++; i < programs.length; i = next++) {
      const program = programs[i] as Program;
      const run = (): Promise<Outcome[]> =>
        play(program, { pool, table: tables[i] as string, isPlain: router === undefined }, isOver);
      outcomes[i] = await (router === undefined ? run() : router.run({ startFresh: true }, run));
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, worker));
  return outcomes.map((all, i) => all.map((one) => one.map((text) => text.replaceAll(tables[i] as string, "$t"))));
}

const isOfFaults = (outcome: Outcome): boolean => outcome.some((text) => OF_FAULTS.test(text));

/** The first step of a program with other answers than plain `pg`, as a line for the reader. */
function difference(program: Program, expected: readonly Outcome[], got: readonly Outcome[]): string | undefined {
  const at = got.findIndex(
    (outcome, i) => JSON.stringify(outcome) !== JSON.stringify(expected[i]) && !isOfFaults(outcome),
  );
  const missing = got.length < expected.length && !isOfFaults(got.at(-1) ?? []) ? got.length : -1;
  const step = at >= 0 ? at : missing;
  if (step < 0) return undefined;
  const of = (value: unknown): string => shorten(JSON.stringify(value) ?? "nothing");
  return `program ${program.seed}, step ${step}: ${of(program.steps[step])}\n  pg:     ${of(expected[step])}\n  router: ${of(got[step])}`;
}

const shorten = (text: string): string => (text.length > 800 ? `${text.slice(0, 500)} … ${text.slice(-200)}` : text);

function countDifferences(
  programs: readonly Program[],
  reference: readonly Outcome[][],
  got: readonly Outcome[][],
): number {
  const found = programs
    .map((program, i) => difference(program, reference[i] ?? [], got[i] ?? []))
    .filter((text) => text !== undefined);
  for (const text of found.slice(0, 5)) process.stderr.write(`${text}\n`);
  return found.length;
}

const hangs = (outcomes: readonly Outcome[][]): number => outcomes.flat(2).filter((text) => text === HANG).length;

function* judgeCalm(
  programs: readonly Program[],
  reference: readonly Outcome[][],
  calm: readonly Outcome[][],
): Iterable<Line> {
  const steps = reference.flat().length;
  const what = `like-pg: ${programs.length} programs (seed ${SEED}), all nodes healthy`;
  yield line({
    proof: `${what}, steps of plain pg`,
    value: steps,
    unit: "steps",
    bound: { atLeast: programs.length * 3 },
  });
  const errors = reference.flat(2).filter((text) => text.startsWith("error ")).length;
  yield line({
    proof: `${what}, errors that plain pg gives too`,
    value: errors,
    unit: "errors",
    bound: { atLeast: 5 },
  });
  const differ = countDifferences(programs, reference, calm) + calm.flat().filter(isOfFaults).length;
  yield line({ proof: `${what}, programs with other answers`, value: differ, unit: "programs", bound: { atMost: 0 } });
  yield line({
    proof: `${what}, steps without an answer`,
    value: hangs(calm) + hangs(reference),
    unit: "steps",
    bound: { atMost: 0 },
  });
}

interface Troubled {
  readonly programs: readonly Program[];
  readonly reference: readonly Outcome[][];
  readonly troubled: readonly Outcome[][];
  /** Number of faults. */
  readonly faults: number;
  readonly of: string;
}

function* judgeTroubled({ programs, reference, troubled, faults, of }: Troubled): Iterable<Line> {
  const what = `like-pg: ${programs.length} programs, ${faults} faults of the ${of}`;
  const steps = troubled.flat().filter((outcome) => !isOfFaults(outcome)).length;
  yield line({ proof: `${what}, answered steps`, value: steps, unit: "steps", bound: { atLeast: programs.length } });
  const impossible = countDifferences(programs, reference, troubled);
  yield line({
    proof: `${what}, answers that plain pg cannot give`,
    value: impossible,
    unit: "programs",
    bound: { atMost: 0 },
  });
  yield line({
    proof: `${what}, steps without an answer`,
    value: hangs(troubled),
    unit: "steps",
    bound: { atMost: 0 },
  });
}

const busy = (router: Router): number =>
  router.health().nodes.reduce((sum, { pool, inFlight }) => sum + pool.total - pool.idle + pool.waiting + inFlight, 0);

async function places(router: Router, plain: Pool): Promise<Line> {
  // A poll may have a connection for a moment.
  await waitUntil(() => busy(router) === 0, { what: "every connection is returned" }).catch(() => undefined);
  const lost = busy(router) + plain.totalCount - plain.idleCount;
  return line({
    proof: "like-pg: connections that are not returned",
    value: lost,
    unit: "connections",
    bound: { atMost: 0 },
  });
}
