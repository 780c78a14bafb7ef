import { AsyncLocalStorage } from "node:async_hooks";
import { createRateLimiter } from "@scale/rate-limit";
import { compareAll, type Expectation, type Line, type Measured } from "@scale/testkit";
import { MemoryStore } from "express-rate-limit";
import { RateLimiterMemory } from "rate-limiter-flexible";
import { line } from "../gate.js";
import { type Subject, subjects } from "./subjects.js";

/** Calls per measured operation: starting and awaiting an operation costs as much as a decision. */
const BATCH = 100;
const WINDOW_S = 86_400;

const PEER = "rate-limiter-flexible in memory";

/**
 * Decisions about 10,000 users with one rule, in this process alone, awaited as requests await them.
 * AsyncLocalStorage is in use, as in every process with a tenancy or a tracer: before Node 24 it slows each promise.
 */
export async function* memory(smoke: boolean): AsyncIterable<Line> {
  new AsyncLocalStorage().run({}, () => undefined);
  for (const outcome of ["allowed", "denied"] as const) {
    const express = new MemoryStore();
    const sides = await compareAll(variants(outcome === "allowed" ? 1_000_000 : 1, express), {
      ...(smoke ? { rounds: 1, warmup: 0, durationMs: 20 } : { rounds: 25, warmup: 3, durationMs: 60 }),
    });
    express.shutdown();
    const expectation = EXPECTED[outcome];
    yield resultOf(`one rule in memory, ${outcome}: check`, { ours: sides.check, peer: sides.peer, ...expectation });
    yield resultOf(`one rule in memory, ${outcome}: acquire`, { ours: sides.acquire, peer: sides.peer });
    // express-rate-limit only counts, and leaves the decision to its caller.
    yield resultOf(`one rule in memory, ${outcome}: check, beside a count`, { ours: sides.check, peer: sides.express });
  }
}

function variants(limit: number, express: MemoryStore) {
  const rules = { user: { limit, window: `${WINDOW_S}s` } } as const;
  const [checked, acquired] = [createRateLimiter({ rules }), createRateLimiter({ rules })];
  const peer = new RateLimiterMemory({ points: limit, duration: WINDOW_S });
  express.init({ windowMs: WINDOW_S * 1000 } as Parameters<MemoryStore["init"]>[0]);
  // A denial of this peer is a rejected promise.
  const ignore = (): void => undefined;
  return {
    check: repeated((subject) => checked.check(subject)),
    acquire: repeated((subject) => acquired.acquire(subject)),
    peer: repeated(({ userId }) => peer.consume(userId).then(ignore, ignore)),
    express: repeated(({ userId }) => express.increment(userId)),
  };
}

function repeated(decide: (subject: Subject) => unknown): () => Promise<void> {
  const next = subjects(100);
  return async () => {
    for (let i = 0; i < BATCH; i++) await decide(next());
  };
}

/** The gates hold the ratios that the awaited calls reach on every run, with room for a busy machine. */
const EXPECTED = {
  allowed: { gate: { atLeast: 0.35 }, goal: { atLeast: 1 } },
  denied: { gate: { atLeast: 0.8 }, goal: { atLeast: 3 } },
} as const;

interface Sides extends Expectation {
  readonly ours: Measured;
  readonly peer: Measured;
}

function resultOf(bench: string, { ours, peer, gate, goal }: Sides): Line {
  const nsOf = ({ opsPerSecond }: Measured): number => 1e9 / opsPerSecond / BATCH;
  return line({
    bench: `rate-limit: ${bench}`,
    unit: "ns",
    ours: nsOf(ours),
    peer: nsOf(peer),
    against: bench.endsWith("count") ? "express-rate-limit in memory" : PEER,
    ratio: peer.ratio / ours.ratio,
    gate,
    goal,
  });
}
