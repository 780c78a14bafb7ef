import { DelayedError, UnrecoverableError, WaitingError, Worker } from "bullmq";
import { LeaseLost } from "../../errors.js";
import { LeaseAbort } from "../../lease-abort.js";
import type { ConsumeOptions, Consumer, JobHandler, Settlement, SettleOutcome, TimerClock } from "../../store.js";
import { duplicateFor, type IoredisClient } from "../connection.js";
import { type FallbackData, type FallbackJob, storedOf } from "./record.js";

const CLOSE_MS = 900;

export interface FallbackConsumerInput {
  readonly name: string;
  readonly prefix: string;
  readonly redis: IoredisClient;
  readonly clock: TimerClock;
  readonly handler: JobHandler;
  readonly options: ConsumeOptions;
}

/** Runs jobs with BullMQ's own worker. */
export function createFallbackConsumer(input: FallbackConsumerInput): Consumer {
  const { name, prefix, redis, clock, handler, options } = input;
  const connection = duplicateFor(redis, { maxRetriesPerRequest: null });
  const worker = new Worker<FallbackData, string>(name, process, {
    ...{ connection, prefix, concurrency: options.concurrency, lockDuration: options.leaseMs },
    ...{ stalledInterval: options.leaseMs / 4, maxStalledCount: 1_000_000 },
  });
  const settled = new Map<string, (outcome: SettleOutcome) => void>();
  worker.on("error", (error) => handler.failed(error));
  worker.on("completed", (job) => settled.get(job.id ?? "")?.("applied"));
  worker.on("failed", (job) => settled.get(job?.id ?? "")?.("applied"));

  async function process(job: FallbackJob, token?: string, signal?: AbortSignal): Promise<string> {
    const stored = storedOf(job, "active");
    const lease = new LeaseAbort();
    signal?.addEventListener("abort", () => lease.abort(new LeaseLost(stored.id)));
    const settlement = await handler.run({ job: stored, lease });
    const tell = (outcome: SettleOutcome): void => {
      settled.delete(job.id ?? "");
      handler.settled(stored, settlement, outcome);
    };
    settled.set(job.id ?? "", tell);
    return settle(job, settlement, { token, tell });
  }

  return {
    ready: () => worker.waitUntilReady(),
    stop: () => worker.pause(true),
    async close() {
      await Promise.race([worker.close(), new Promise<void>((resolve) => clock.setTimer(resolve, CLOSE_MS))]);
      connection.disconnect();
      for (const tell of settled.values()) tell("failed");
    },
  };
}

interface Settling {
  readonly token: string | undefined;
  readonly tell: (outcome: SettleOutcome) => void;
}

/** Does what the settlement says; throws what tells BullMQ's worker that the job is elsewhere, or dead. */
async function settle(job: FallbackJob, settlement: Settlement, { token, tell }: Settling): Promise<string> {
  if (settlement.kind === "completed") return settlement.output ?? "";
  const moved = async (move: () => Promise<unknown>, signal: Error): Promise<never> => {
    await move().then(
      () => tell("applied"),
      () => tell("lost"),
    );
    throw signal;
  };
  if (settlement.kind === "handed-back") return moved(() => job.moveToWait(token), new WaitingError());
  if (settlement.kind === "throttled") {
    return moved(() => job.moveToDelayed(settlement.untilMs, token), new DelayedError());
  }
  const { attemptsMade, failure } = settlement;
  if (settlement.kind === "retry") {
    await job.updateData({ ...job.data, attemptsMade, failure });
    return moved(() => job.moveToDelayed(settlement.atMs, token), new DelayedError());
  }
  await job.updateData({ ...job.data, attemptsMade, failure, deadReason: settlement.reason });
  throw new UnrecoverableError(failure.message);
}
