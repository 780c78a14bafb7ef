import { Agent, request } from "node:http";

export interface Answer {
  /** Milliseconds on the monotonic clock when the request was due. */
  readonly dueAt: number;
  /** Time from when the request was due to the end of its response: the delay of a late client counts. */
  readonly latencyMs: number;
  /** HTTP status; 0 without a response. */
  readonly status: number;
}

export interface LoadOptions {
  readonly url: string;
  readonly requestsPerSecond: number;
  /** Headers of the n-th request. */
  readonly headers: (n: number) => Record<string, string>;
}

export interface Load {
  /** Every response so far, in the order of arrival. */
  readonly answers: readonly Answer[];
  /** Ends the load. Resolves when every request has its response or has failed. */
  stop(): Promise<void>;
}

const NO_ANSWER_MS = 10_000;

/** Sends requests at a steady rate (open loop), whether or not earlier ones have their response. */
export function startLoad({ url, requestsPerSecond, headers }: LoadOptions): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const answers: Answer[] = [];
  const open = new Set<Promise<void>>();
  const startedAt = performance.now();
  let sent = 0;
  let timer: NodeJS.Timeout | undefined;

  function sendDue(): void {
    const due = ((performance.now() - startedAt) * requestsPerSecond) / 1000;
    while (sent < due) {
      const dueAt = startedAt + (sent * 1000) / requestsPerSecond;
      const one: Promise<void> = get({ url, agent, headers: headers(sent++) }).then((status) => {
        answers.push({ dueAt, latencyMs: performance.now() - dueAt, status });
        open.delete(one);
      });
      open.add(one);
    }
    timer = setTimeout(sendDue, 2);
  }

  sendDue();
  return {
    answers,
    async stop() {
      clearTimeout(timer);
      await Promise.all(open);
      agent.destroy();
    },
  };
}

function get({ url, agent, headers }: { url: string; agent: Agent; headers: Record<string, string> }): Promise<number> {
  return new Promise((resolve) => {
    const outgoing = request(url, { agent, headers, timeout: NO_ANSWER_MS }, (response) => {
      response.resume();
      response.once("close", () => resolve(response.complete ? (response.statusCode ?? 0) : 0));
    });
    outgoing.once("timeout", () => outgoing.destroy());
    outgoing.once("error", () => resolve(0));
    outgoing.end();
  });
}

/** The value that `part` (0 to 1) of the values do not exceed; 0 for an empty list. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}
