import { createHook } from "node:async_hooks";
import { type Breaker, createBreaker, createBreakers } from "@scale/breaker";
import { judge, type Line, type SectionOptions } from "@scale/testkit";
import { type CircuitBreakerPolicy, circuitBreaker, handleAll, SamplingBreaker } from "cockatiel";
import CircuitBreaker from "opossum";
import { usedBytes } from "../used-bytes.js";

/** How much memory and how many timers do idle breakers take, each after a few calls? */
export async function* memory({ smoke }: SectionOptions): AsyncIterable<Line> {
  const count = smoke ? 100 : 10_000;
  const own = await weigh(count, ours);
  for (const [name, peer] of [
    ["cockatiel", await weigh(count, cockatiel)],
    ["opossum", await weigh(count, opossum)],
  ] as const) {
    yield {
      ...{ bench: `breaker: ${count} idle breakers, memory of each`, unit: "bytes", ours: own.bytes, peer: peer.bytes },
      against: name,
      ratio: own.bytes / peer.bytes,
      ...judge(own.bytes, { gate: { atMost: 1024 } }),
    };
    yield {
      ...{ bench: "breaker: timers of each breaker", unit: "timers", ours: own.timers, peer: peer.timers },
      against: name,
      ...judge(own.timers, { gate: { atMost: 0 } }),
    };
  }
  yield distinctKeys(smoke ? 10_000 : 1_000_000);
}

/** Memory of a registry of 10,000 breakers after many keys that came once. */
function distinctKeys(keys: number): Line {
  const before = usedBytes();
  const breakers = createBreakers({ name: "bench" });
  for (let i = 0; i < keys; i++) breakers.get(`key-${i}`);
  const mebibytes = (usedBytes() - before) / 2 ** 20;
  return {
    ...{ bench: `breaker: a registry after ${keys} keys that came once`, unit: "MiB", ours: mebibytes },
    ...{ breakers: breakers.size, ...judge(mebibytes, { gate: { atMost: 20 } }) },
  };
}

interface Kind<B> {
  create(): B;
  call(breaker: B): Promise<unknown>;
  close(breaker: B): void;
}

const work = async (): Promise<number> => 1;
const CALLS = 3;

const ours: Kind<Breaker> = {
  create: () => createBreaker({ name: "bench" }),
  call: (breaker) => breaker.run(work),
  close: (breaker) => breaker.dispose(),
};

const cockatiel: Kind<CircuitBreakerPolicy> = {
  create: () =>
    circuitBreaker(handleAll, {
      halfOpenAfter: 1000,
      breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000 }),
    }),
  call: (breaker) => breaker.execute(work),
  close: () => undefined,
};

const opossum: Kind<CircuitBreaker> = {
  create: () => new CircuitBreaker(work),
  call: (breaker) => breaker.fire(),
  close: (breaker) => breaker.shutdown(),
};

async function weigh<B>(count: number, kind: Kind<B>): Promise<{ bytes: number; timers: number }> {
  // The first ones compile code.
  const first = kind.create();
  for (let i = 0; i < 1000; i++) await kind.call(first);
  kind.close(first);
  const before = usedBytes();
  const all: B[] = [];
  for (let i = 0; i < count; i++) {
    const breaker = kind.create();
    for (let call = 0; call < CALLS; call++) await kind.call(breaker);
    all.push(breaker);
  }
  const bytes = (usedBytes() - before) / count;
  for (const breaker of all) kind.close(breaker);
  return { bytes, timers: timersOf(kind) };
}

/** Timers that the creation of a breaker starts, unref'ed ones too. */
function timersOf<B>({ create, close }: Kind<B>): number {
  let started = 0;
  const hook = createHook({ init: (_id, type) => void (started += type === "Timeout" ? 1 : 0) });
  hook.enable();
  const breaker = create();
  hook.disable();
  close(breaker);
  return started;
}
