import type { Redis } from "ioredis";

/** One step of a job, stored in a server that no proof kills. */
export interface JobEvent {
  readonly is: "start" | "end" | "abort";
  readonly id: string;
  readonly pid: number;
  /** Milliseconds since the epoch: all processes are on this machine. */
  readonly at: number;
}

const EVENTS = "events";

/** Stores an event, and resolves to the number of events of this kind and job. */
export async function record(recorder: Redis, is: JobEvent["is"], id: string): Promise<number> {
  const event: JobEvent = { is, id, pid: process.pid, at: Date.now() };
  const results = await recorder.multi().hincrby(`count:${is}`, id, 1).rpush(EVENTS, JSON.stringify(event)).exec();
  return Number(results?.[0]?.[1]);
}

export async function readEvents(recorder: Redis): Promise<readonly JobEvent[]> {
  const texts = await recorder.lrange(EVENTS, 0, -1);
  return texts.map((text): JobEvent => JSON.parse(text));
}

/** Runs of each job that were started, or that ended. */
export async function countsOf(recorder: Redis, is: JobEvent["is"]): Promise<ReadonlyMap<string, number>> {
  const counts = await recorder.hgetall(`count:${is}`);
  return new Map(Object.entries(counts).map(([id, count]) => [id, Number(count)]));
}
