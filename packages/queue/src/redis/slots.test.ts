import { describe, expect, it } from "vitest";
import { LeaseAbort } from "../lease-abort.js";
import type { Settlement } from "../store.js";
import { readJob } from "./job-codec.js";
import { Slots } from "./slots.js";
import type { EndedRun, Run } from "./turn.js";

const RETENTION = { finished: { count: 0, ageMs: 0 }, dead: { count: 0, ageMs: 0 } };
const ANY = { isStopping: false, isIdle: false };

const open = (concurrency: number) => new Slots({ concurrency, leaseMs: 1000, retention: RETENTION });

function runOf(token: string): Run {
  const job = readJob({ segment: token, fields: [], state: "active" });
  return { segment: token, token, job, controller: new LeaseAbort(), leasedAtMs: 0 };
}

const endedRun = (token: string, kind: "completed" | "handed-back" = "completed"): EndedRun => {
  const settlement: Settlement = { kind, usedMs: 1 };
  return { run: runOf(token), settlement, endedAtMs: 0, uncertain: false, isSettled: false };
};

/** Takes what a turn asked for, as if Redis had answered with a job for each. */
function answer(slots: Slots, turn: ReturnType<Slots["next"]>): readonly string[] {
  if (turn === undefined) throw new Error("expected a turn, got none");
  slots.finish(turn);
  const tokens = [...turn.ended.map(({ run }) => run.token), ...turn.tokens];
  for (const token of tokens) slots.running.set(token, runOf(token));
  return tokens;
}

function end(slots: Slots, tokens: readonly string[]): void {
  for (const token of tokens) {
    slots.running.delete(token);
    slots.end(endedRun(token));
  }
}

describe("Slots", () => {
  it("fills all slots by two turns at once, and keeps both under way when jobs end", () => {
    const slots = open(50);
    const [first, second] = [slots.next(ANY), slots.next(ANY)];
    expect([first?.tokens.length, second?.tokens.length]).toEqual([25, 25]);
    expect([slots.canTurn(), slots.next(ANY)]).toEqual([false, undefined]);
    end(slots, answer(slots, first));
    const third = slots.next(ANY);
    expect([third?.ended.length, third?.tokens.length]).toEqual([25, 0]);
    expect(slots.canTurn()).toBe(false);
    answer(slots, second);
    answer(slots, third);
    expect([slots.running.size, slots.free, slots.isSettled]).toEqual([50, 0, true]);
  });

  it("leases no more than there are slots, whatever ends how", () => {
    const slots = open(3);
    answer(slots, slots.next(ANY));
    for (const token of [...slots.running.keys()].slice(0, 2)) {
      slots.running.delete(token);
      slots.end(endedRun(token, "handed-back"));
    }
    const turn = slots.next(ANY);
    // A job that goes back leaves its slot to another one.
    expect([turn?.ended.length, turn?.tokens.length]).toEqual([2, 2]);
    expect(slots.next(ANY)).toBeUndefined();
  });

  it("settles, and leases nothing, while it stops or the queue is empty", () => {
    const slots = open(4);
    end(slots, answer(slots, slots.next(ANY)));
    const turn = slots.next({ isStopping: true, isIdle: false });
    expect([turn?.ended.length, turn?.tokens.length, turn?.stopping]).toEqual([4, 0, true]);
    expect(open(4).next({ isStopping: false, isIdle: true })).toBeUndefined();
  });

  it("tries the runs of a turn that failed again, before the others, and holds their tokens meanwhile", () => {
    const slots = open(8);
    const tokens = answer(slots, slots.next(ANY));
    end(slots, tokens);
    const failed = slots.next(ANY);
    slots.end(endedRun("later"));
    expect(slots.held().toSorted()).toEqual([...tokens, "later"].toSorted());
    slots.retry(failed!);
    expect(slots.next(ANY)?.ended.map(({ run }) => run.token)).toEqual(tokens);
    expect(slots.held().toSorted()).toEqual([...tokens, "later"].toSorted());
  });

  it("gives up runs that wait, and those of turns under way", () => {
    const slots = open(4);
    end(slots, answer(slots, slots.next(ANY)));
    const turn = slots.next(ANY);
    slots.end(endedRun("waiting"));
    const given = slots.giveUp(() => true);
    expect(given.map(({ run }) => run.token)).toEqual(["waiting", ...turn!.ended.map(({ run }) => run.token)]);
    for (const run of given) run.isSettled = true;
    slots.retry(turn!);
    expect([slots.hasEnded, slots.isSettled]).toEqual([false, true]);
  });
});
