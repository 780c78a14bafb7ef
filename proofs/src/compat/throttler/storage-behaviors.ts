import type { ThrottlerStorage } from "@nestjs/throttler";
import type { Behavior, Transcript } from "../compare.js";
import type { Stage } from "./stage.js";

const MINUTE = 60_000;

interface Hit {
  readonly key?: string;
  readonly ttl?: number;
  readonly limit?: number;
  readonly block?: number;
  readonly name?: string;
}

/** One hit. The time to the end of a block means nothing without a block. */
async function hitOn(storage: ThrottlerStorage, of: Hit = {}): Promise<unknown> {
  const { key = "a", ttl = MINUTE, limit = 2, block = MINUTE, name = "default" } = of;
  try {
    const record = await storage.increment(key, ttl, limit, block, name);
    return { ...record, timeToBlockExpire: record.isBlocked ? record.timeToBlockExpire : undefined };
  } catch (error) {
    return error instanceof Error ? error.message : error;
  }
}

const onStorage = (
  name: string,
  play: (hit: (of?: Hit) => Promise<unknown>, advance: Stage["advance"]) => Promise<Transcript>,
): Behavior<Stage> => ({ name, play: ({ storage, advance }) => play((of) => hitOn(storage, of), advance) });

const alike: Behavior<Stage>[] = [
  onStorage("counts hits up to the limit, and blocks from the next on", async (hit) => [
    await hit(),
    await hit(),
    await hit(),
    await hit(),
    await hit(),
  ]),
  onStorage("blocks at once at a limit of 0", async (hit) => [await hit({ limit: 0 })]),
  onStorage("counts under a limit of Infinity", async (hit) => [
    await hit({ limit: Infinity }),
    await hit({ limit: Infinity }),
  ]),
  onStorage("counts keys apart, also while one is blocked", async (hit) => {
    const all = [];
    for (let i = 0; i < 4; i++) all.push(await hit({ key: "a" }), await hit({ key: "b", limit: 9 }));
    return all;
  }),
  onStorage("starts again when the window has ended", async (hit, advance) => {
    const all = [await hit(), await hit()];
    advance(MINUTE);
    return [...all, await hit(), await hit()];
  }),
  onStorage("starts with one hit after a block of the length of the window", async (hit, advance) => {
    const all = [await hit(), await hit(), await hit()];
    advance(MINUTE - 1);
    all.push(await hit());
    advance(1);
    return [...all, await hit(), await hit()];
  }),
  onStorage("starts with one hit after a block that is shorter than the window", async (hit, advance) => {
    const all = [];
    for (let i = 0; i < 4; i++) all.push(await hit({ block: 5000 }));
    advance(4999);
    all.push(await hit({ block: 5000 }));
    advance(1);
    return [...all, await hit({ block: 5000 }), await hit({ block: 5000 }), await hit({ block: 5000 })];
  }),
  onStorage("refuses without a block until the window ends", async (hit, advance) => {
    const all = [];
    for (let i = 0; i < 4; i++) all.push(await hit({ block: 0 }));
    advance(MINUTE);
    return [...all, await hit({ block: 0 })];
  }),
  onStorage("rounds times up to seconds", async (hit) => [
    await hit({ ttl: 1500, block: 2500, key: "b", limit: 1 }),
    await hit({ ttl: 1500, block: 2500, key: "b", limit: 1 }),
  ]),
];

const different: Behavior<Stage>[] = [
  {
    ...onStorage("begins a window with the first hit", async (hit, advance) => {
      advance(20_000);
      return [await hit()];
    }),
    differs: "windows begin at multiples of their length, alike in every process",
  },
  {
    ...onStorage("counts each hit for the length of the window", async (hit, advance) => {
      const all = [await hit()];
      advance(50_000);
      all.push(await hit());
      advance(10_000);
      return [...all, await hit(), await hit()];
    }),
    differs: "all hits of a window end with it",
  },
  {
    ...onStorage("blocks the key of all throttlers at once", async (hit) => {
      for (let i = 0; i < 3; i++) await hit({ name: "short" });
      return [await hit({ name: "long", limit: 100 })];
    }),
    differs: "throttlers are counted and blocked apart; the guard gives each a key of its own anyway",
  },
  {
    ...onStorage("takes a limit that is no number, and then blocks never", async (hit) => [
      await hit({ limit: Number.NaN }),
    ]),
    differs: "TypeError: such a limit is a mistake, and must not admit all",
  },
];

export const storageBehaviors: readonly Behavior<Stage>[] = [...alike, ...different];
