import { type Clock, InputError, StoreError } from "@scale/core";
import { createDeadline, inRootContext } from "@scale/core/kit";
import { sourceFail } from "../events.js";
import type { CurrentRules } from "./current.js";
import type { FlagSource } from "./types.js";

/** Keeps the rules in force up to date: polls the live source, and reads at once when it announces a change. */
export interface Refresh {
  /** Reads now; joins a read that has not been sent yet. Never rejects: failures are published. */
  now(): Promise<void>;
  /** Resolves after the first read has been answered or has failed. */
  readonly first: Promise<void>;
  stop(): void;
}

/** Share of the interval by which polls of different processes drift apart. */
const JITTER = 0.1;

export function createRefresh(options: {
  readonly source: FlagSource;
  readonly current: CurrentRules;
  readonly pollMs: number;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly clock: Clock;
}): Refresh {
  const { source, pollMs } = options;
  const { readOnce, fail } = createReader(options);
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let queued: Promise<void> | undefined;
  let isStopped = false;

  function start(): Promise<void> {
    clearTimeout(timer);
    // All callers share it, and it schedules the next one: it must not run for the tenant of the first.
    const reading = inRootContext(() =>
      readOnce(() => isStopped).finally(() => {
        running = undefined;
        // A read that is queued schedules the next one.
        if (queued === undefined) schedule();
      }),
    );
    running = reading;
    return reading;
  }

  function schedule(): void {
    if (isStopped) return;
    const ms = pollMs * (1 + JITTER * (2 * Math.random() - 1));
    timer = setTimeout(() => void start(), ms).unref();
  }

  function now(): Promise<void> {
    if (isStopped) return Promise.resolve();
    if (running === undefined) return start();
    // The running read may have been answered before the change: one more follows it, for all callers.
    queued ??= running.then(() => {
      queued = undefined;
      return isStopped ? undefined : start();
    });
    return queued;
  }

  const first = start();
  const unwatch = watched(source, { changed: () => void now(), failed: fail });
  return {
    now,
    first,
    stop() {
      isStopped = true;
      clearTimeout(timer);
      unwatch?.();
    },
  };
}

/** Polls make up for a source that cannot be watched. */
function watched(
  source: FlagSource,
  listener: Parameters<NonNullable<FlagSource["watch"]>>[0],
): (() => void) | undefined {
  try {
    return source.watch?.(listener);
  } catch (error) {
    listener.failed(error);
    return undefined;
  }
}

/** One read, its answer put in force. `isStopped` is asked after the answer: a closed instance must not change. */
function createReader({
  source,
  current,
  timeoutMs,
  maxBytes,
  clock,
}: Pick<Parameters<typeof createRefresh>[0], "source" | "current" | "timeoutMs" | "maxBytes" | "clock">) {
  const deadline = createDeadline(timeoutMs);
  // A refused revision is not transferred again, and confirms nothing either.
  let refused: string | undefined;

  const fail = (error: unknown): void => {
    const { ageMs, isStale } = current.status();
    sourceFail.publish(() => ({ source: source.name, error, ageMs, isStale }));
  };

  const readOnce = async (isStopped: () => boolean): Promise<void> => {
    const sentAt = clock.monotonic();
    const known = refused ?? current.document?.revision;
    try {
      const answer = await deadline(source.read({ known, maxBytes }), `flag source ${source.name}`);
      if (isStopped()) return;
      switch (answer.is) {
        case "document": {
          const { document } = answer;
          refused = current.apply(document, "live", sentAt) ? undefined : document.revision;
          return;
        }
        case "unchanged":
          if (refused === undefined) current.confirm(sentAt);
          return;
        case "too-large": {
          const error = new InputError(`expected a flag document of at most ${maxBytes} bytes, got ${answer.bytes}`);
          if (refused !== answer.revision) current.refuse(answer, "live", error);
          refused = answer.revision;
          return;
        }
        case "absent":
          // A server that lost its data says nothing about the flags.
          if (current.document !== undefined)
            fail(new StoreError(`flag source ${source.name}: expected a document, got none`));
          return;
      }
    } catch (error) {
      if (!isStopped()) fail(error);
    }
  };
  return { readOnce, fail };
}
