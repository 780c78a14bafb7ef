import { describeFailure } from "../monitor/mask.js";
import type { ResourceReport } from "./report.js";
import { type TimeBudget, within } from "./time-budget.js";
import type { Clock } from "@scale/core";

export interface Resource {
  readonly name: string;
  readonly close: () => unknown;
  readonly timeoutMs: number;
}

/** Resources in the order in which they were opened. */
export class Resources {
  readonly #open: Resource[] = [];

  /** @returns a function that takes the resource out again */
  add(resource: Resource): () => void {
    this.#open.push(resource);
    return () => {
      const at = this.#open.indexOf(resource);
      if (at >= 0) this.#open.splice(at, 1);
    };
  }

  /** Closes all, the last one first, also those that are added meanwhile. Never rejects. */
  async closeInTurn(budget: TimeBudget, clock: Clock): Promise<ResourceReport[]> {
    const reports: ResourceReport[] = [];
    for (let next = this.#open.pop(); next !== undefined; next = this.#open.pop()) {
      reports.push(await closeOne(next, Math.min(next.timeoutMs, budget.leftMs()), clock));
    }
    return reports;
  }

  /** Closes all at the same time. Never rejects. */
  async closeTogether(ms: number, clock: Clock): Promise<ResourceReport[]> {
    return Promise.all(this.#open.splice(0).map((each) => closeOne(each, Math.min(each.timeoutMs, ms), clock)));
  }
}

async function closeOne({ name, close }: Resource, ms: number, clock: Clock): Promise<ResourceReport> {
  const from = clock.monotonic();
  const took = (): number => Math.round(clock.monotonic() - from);
  try {
    const inTime = await within(ms, (async () => close())());
    return { name, outcome: inTime ? "closed" : "timed-out", durationMs: took() };
  } catch (error) {
    return { name, outcome: "failed", durationMs: took(), output: describeFailure(error) };
  }
}
