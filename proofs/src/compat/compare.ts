import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Line } from "@scale/testkit";
import { line } from "../bound.js";

/** Observations of a behavior, step by step. */
export type Transcript = readonly unknown[];

/** A behavior of a library that its users can rely on, played through its public interface. */
export interface Behavior<Stage> {
  /** A sentence about the library with its own store. */
  readonly name: string;
  play(stage: Stage): Promise<Transcript>;
  /** Why the same library behaves differently over a store of ours. Absent: it does not. */
  readonly differs?: string;
}

/** Plays a behavior on a new stage: with the library's own store, or with ours. */
export type Play<Stage> = (behavior: Behavior<Stage>) => Promise<Transcript>;

/** Plays each behavior once, for all comparisons with it. */
export function playedOnce<Stage>(play: Play<Stage>): Play<Stage> {
  const known = new Map<Behavior<Stage>, Promise<Transcript>>();
  return (behavior) => {
    let transcript = known.get(behavior);
    if (transcript === undefined) known.set(behavior, (transcript = play(behavior)));
    return transcript;
  };
}

/** Compares every behavior, and yields a line for each kind of result. Details of a miss go to stderr. */
export async function* compare<Stage>(
  about: string,
  behaviors: readonly Behavior<Stage>[],
  { theirs, ours }: { theirs: Play<Stage>; ours: Play<Stage> },
): AsyncIterable<Line> {
  const alike: string[] = [];
  const unlisted: string[] = [];
  const vanished: string[] = [];
  let listed = 0;
  for (const behavior of behaviors) {
    const [expected, got] = [await theirs(behavior), await ours(behavior)];
    const isAlike = isDeepStrictEqual(got, expected);
    if (behavior.differs !== undefined) {
      listed++;
      if (isAlike) vanished.push(behavior.name);
      continue;
    }
    if (isAlike) alike.push(behavior.name);
    else {
      unlisted.push(behavior.name);
      process.stderr.write(`${about}: ${behavior.name}\n  theirs ${show(expected)}\n  ours   ${show(got)}\n`);
    }
  }
  for (const name of vanished) process.stderr.write(`${about}: listed as a difference, and is none: ${name}\n`);
  const rest = { unit: "behaviors" } as const;
  const least = behaviors.length - listed;
  yield line({
    proof: `${about}, ${behaviors.length} behaviors, alike`,
    value: alike.length,
    bound: { atLeast: least },
    ...rest,
  });
  yield line({ proof: `${about}, different and not listed`, value: unlisted.length, bound: { atMost: 0 }, ...rest });
  yield line({
    proof: `${about}, listed as different and alike`,
    value: vanished.length,
    bound: { atMost: 0 },
    ...rest,
  });
}

const show = (transcript: Transcript): string => JSON.stringify(transcript);

/** The installed version of a library. Its package.json may be no entry of it. */
export function versionOf(library: string): string {
  const entry = createRequire(import.meta.url).resolve(library);
  const manifest: unknown = JSON.parse(readFileSync(join(dirname(entry), "../package.json"), "utf8"));
  if (typeof manifest === "object" && manifest !== null && "version" in manifest) return String(manifest.version);
  throw new Error(`${library}: expected a version in its package.json`);
}
