import { randomBytes } from "node:crypto";
import { settleBatch } from "../settle-batch.js";
import type { Retention } from "../store.js";
import { type EndedRun, type Run, takesOver, type TurnInput } from "./turn.js";

/** Settlements, and leases, of one script: bounds how long it blocks the server. */
const TURN_BATCH = 50;
/** Below it, two turns at once cost more than they save. */
const LEAST_BATCH = 4;
/** Turns under way: Redis works on one while this process starts the jobs of the other. */
const MAX_TURNS = 2;

export interface SlotsOptions {
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly retention: Retention;
}

/** The slots of a consumer: each has a job that runs, a run to settle, or a turn that may lease a job for it. */
export class Slots {
  /** Start of the tokens of this consumer. */
  readonly prefix: string = `${randomBytes(9).toString("base64url")}:`;
  readonly running: Map<string, Run> = new Map();
  readonly #options: SlotsOptions;
  readonly #batch: number;
  readonly #turns = new Set<TurnInput>();
  /** Runs that wait for a turn. */
  #ended: EndedRun[] = [];
  #inTurns = 0;
  #tokens = 0;

  constructor(options: SlotsOptions) {
    this.#options = options;
    // Half of the slots: each of two turns has as many.
    this.#batch = Math.min(TURN_BATCH, Math.max(LEAST_BATCH, Math.ceil(options.concurrency / MAX_TURNS)));
  }

  get free(): number {
    return this.#options.concurrency - this.running.size - this.#ended.length - this.#inTurns;
  }

  get hasEnded(): boolean {
    return this.#ended.length > 0;
  }

  /** True when every run that has ended is settled. */
  get isSettled(): boolean {
    return this.#ended.length === 0 && this.#turns.size === 0;
  }

  end(run: EndedRun): void {
    this.#ended.push(run);
  }

  /** @param maxTurns 1 after a failure: more turns would fail too */
  canTurn(maxTurns: number = MAX_TURNS): boolean {
    return this.#turns.size < maxTurns;
  }

  /** The next turn, or `undefined` when there is nothing to settle or to lease. Call `finish` when it has ended. */
  next({ isStopping, isIdle }: { readonly isStopping: boolean; readonly isIdle: boolean }): TurnInput | undefined {
    const ended = settleBatch(this.#ended, this.#batch);
    const takeovers = ended.filter(takesOver).length;
    const free = this.free + ended.length - takeovers;
    const fetches = isStopping || isIdle ? 0 : Math.min(Math.max(free, 0), this.#batch - takeovers);
    if (ended.length === 0 && fetches === 0) return undefined;
    if (ended.length > 0) this.#ended = this.#ended.slice(ended.length);
    const tokens = Array.from({ length: fetches }, () => `${this.prefix}${(this.#tokens++).toString(36)}`);
    const { leaseMs, retention } = this.#options;
    const turn = { ended, tokens, stopping: isStopping, leaseMs, retention };
    this.#turns.add(turn);
    this.#inTurns += ended.length + fetches;
    return turn;
  }

  finish(turn: TurnInput): void {
    if (this.#turns.delete(turn)) this.#inTurns -= turn.ended.length + turn.tokens.length;
  }

  /** Puts the runs of a turn that failed back: the next one settles them. */
  retry(turn: TurnInput): void {
    this.finish(turn);
    this.#ended = [...turn.ended.filter(({ isSettled }) => !isSettled), ...this.#ended];
  }

  /** Takes runs out that no turn settles any more: those that wait, and those of turns under way. */
  giveUp(isOver: (run: EndedRun) => boolean): EndedRun[] {
    const all = [...this.#ended, ...[...this.#turns].flatMap(({ ended }) => ended)];
    this.#ended = this.#ended.filter((run) => !isOver(run));
    return all.filter(isOver);
  }

  /** Tokens of the jobs that this consumer has, or gets by a turn under way. */
  held(): string[] {
    const turns = [...this.#turns].flatMap(({ ended, tokens }) => [...ended.map(({ run }) => run.token), ...tokens]);
    return [...this.running.keys(), ...this.#ended.map(({ run }) => run.token), ...turns];
  }
}
