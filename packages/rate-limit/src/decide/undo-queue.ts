import type { Clock } from "@scale/core";
import { inRootContext } from "@scale/core/kit";

/** A call that takes back something a request holds or was charged, which nothing uses any more. */
export interface UndoTask {
  /** Calls the store. May be called again after a success. */
  run(): void | Promise<void>;
  /** Milliseconds of the monotonic clock: from then on there is nothing to take back. */
  readonly until: number;
  /**
   * True while the store may still carry out the call that is undone, on a connection that the client has given up: the undo
   * is then repeated once after its success.
   */
  readonly isUncertain: boolean;
}

/** Pause between two attempts of a task in milliseconds, which bounds how long anything stays held after an outage. */
const RETRY_MS = 200;
/** Pauses before the second run of an uncertain task: one second. */
const CONFIRM_AFTER = 5;
/** Tasks that are attempted together. When all of them fail, the others wait for the next attempt. */
const TOGETHER = 16;
/** Above this number the oldest task is dropped: its slot or its units expire by themselves. */
const MAX_TASKS = 10_000;

/**
 * Repeats failed undos until they succeed, outside of any tenant. Without it a slot whose release met a frozen Redis would
 * stay taken for its whole ttl.
 */
export class UndoQueue {
  readonly #clock: Clock;
  // By task: the number of pauses before it is attempted.
  readonly #tasks = new Map<UndoTask, number>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs a task, and repeats it in the background when it fails. @returns the error of the first attempt */
  async run(task: UndoTask): Promise<unknown> {
    try {
      await task.run();
    } catch (error) {
      this.#add(task, 1);
      return error;
    }
    this.#confirm(task);
    return undefined;
  }

  /** Drops all tasks: slots and units expire by themselves. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#tasks.clear();
  }

  #confirm(task: UndoTask): void {
    if (task.isUncertain) this.#add({ ...task, run: () => task.run(), isUncertain: false }, CONFIRM_AFTER);
  }

  #add(task: UndoTask, pauses: number): void {
    if (this.#isClosed) return;
    const [oldest] = this.#tasks.keys();
    if (this.#tasks.size >= MAX_TASKS && oldest !== undefined) this.#tasks.delete(oldest);
    this.#tasks.set(task, pauses);
    this.#arm();
  }

  #arm(): void {
    this.#timer ??= inRootContext(() => setTimeout(() => void this.#attemptDue(), RETRY_MS));
    this.#timer.unref();
  }

  async #attemptDue(): Promise<void> {
    const due = this.#dueTasks();
    for (let i = 0; i < due.length && !this.#isClosed; i += TOGETHER) {
      const succeeded = await Promise.all(due.slice(i, i + TOGETHER).map((task) => this.#attempt(task)));
      if (!succeeded.includes(true)) break;
    }
    this.#timer = undefined;
    if (this.#tasks.size > 0 && !this.#isClosed) this.#arm();
  }

  /** The tasks whose time has come, without those that came too late. Those that failed last come last. */
  #dueTasks(): UndoTask[] {
    const now = this.#clock.monotonic();
    const due: UndoTask[] = [];
    for (const [task, pauses] of this.#tasks) {
      if (task.until <= now) this.#tasks.delete(task);
      else if (pauses > 1) this.#tasks.set(task, pauses - 1);
      else due.push(task);
    }
    return due;
  }

  async #attempt(task: UndoTask): Promise<boolean> {
    this.#tasks.delete(task);
    try {
      await task.run();
    } catch {
      // The first failure was reported.
      this.#add(task, 1);
      return false;
    }
    this.#confirm(task);
    return true;
  }
}
