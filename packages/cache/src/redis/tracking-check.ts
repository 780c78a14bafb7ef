import { setImmediate as nextTurn } from "node:timers/promises";
import type { ScriptRunner } from "@scale/core/redis";
import type { Invalidation } from "../store.js";
import { peek } from "./scripts.gen.js";
import { entryKey, generationKey, keyBase } from "./keys.js";
import { trackingFail } from "./tracking-event.js";
import type { TrackedKey } from "./tracking-keys.js";
import type { Holding, Own } from "./tracking-own.js";

export type Suspect = Extract<TrackedKey, { is: "entry" | "generation" | "tag" }>;

const textOf = (answer: unknown): string => (typeof answer === "string" ? answer : "");

interface Held {
  readonly head: string;
  readonly hash: string;
}

interface CheckOptions {
  readonly runner: ScriptRunner;
  readonly prefix: string;
  readonly own: Own;
}

/** Keys of one command. */
const MAX_KEYS = 64;

/**
 * Asks Redis what is there now, of keys that this package itself changes all the time: for each what that ends.
 * Nothing, when a lease or a fill of this process is there, or the generation is the one that it was. What cannot be asked
 * counts as changed by others.
 */
export function createCheck(options: CheckOptions): (suspects: readonly Suspect[]) => Promise<Invalidation[]> {
  const { runner, prefix, own } = options;

  async function ask(suspects: readonly Suspect[]): Promise<Invalidation[]> {
    const keys = suspects.map((each) => keyOf(prefix, each));
    const args = suspects.map(({ is }) => (is === "entry" ? "1" : ""));
    let reply: unknown;
    try {
      reply = await runner.run(peek, { keys, args });
    } catch (error) {
      // Nothing is served that might be outdated.
      trackingFail.publish(() => ({ error }));
      return suspects.map(endOf);
    }
    // What Redis answered before that is known to whoever asked by then: what they got is theirs.
    await nextTurn();
    const answers: readonly unknown[] = Array.isArray(reply) ? reply : [];
    return suspects.flatMap((suspect, i) => {
      const held = { head: textOf(answers[2 * i]), hash: textOf(answers[2 * i + 1]) };
      return isUnchanged(suspect, held, own) ? [] : [endOf(suspect)];
    });
  }

  return async (suspects) => {
    const asked: Promise<Invalidation[]>[] = [];
    for (let i = 0; i < suspects.length; i += MAX_KEYS) asked.push(ask(suspects.slice(i, i + MAX_KEYS)));
    return (await Promise.all(asked)).flat();
  };
}

function isUnchanged(suspect: Suspect, held: Held, own: Own): boolean {
  if (suspect.is === "entry") {
    const holding = own.find(suspect.tenantId, suspect.key);
    return holding !== undefined && isOwn(held, holding);
  }
  const generation = /^([^.]+)\.\d+$/.exec(held.head)?.[1];
  // Tags that are there are counted by invalidations, which are published.
  if (suspect.is === "tag") return generation !== undefined;
  const known = own.generation(suspect.tenantId);
  if (generation !== undefined) own.learn(suspect.tenantId, generation);
  return generation !== undefined && generation === known;
}

function isOwn({ head, hash }: Held, holding: Holding): boolean {
  if (head.startsWith("L")) {
    const isMine = head.split(".")[3] === holding.token;
    holding.hasIgnored ||= isMine;
    return isMine;
  }
  return /^[VT]/.test(head) && holding.hash !== undefined && hash === holding.hash;
}

export function endOf(what: Suspect): Invalidation {
  const { tenantId } = what;
  if (what.is === "entry") return { tenantId, keys: [what.key], tags: [], all: false };
  if (what.is === "tag") return { tenantId, keys: [], tags: [what.tag], all: false };
  return { tenantId, keys: [], tags: [], all: true };
}

function keyOf(prefix: string, suspect: Suspect): string {
  const base = keyBase(prefix, suspect.tenantId);
  if (suspect.is === "entry") return entryKey(base, suspect.key);
  return suspect.is === "tag" ? `${base}t:${suspect.tag}` : generationKey(base);
}
