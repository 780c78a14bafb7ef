import { serveWorker } from "@scale/testkit";
import { ours, plain } from "./contenders.js";

interface Args {
  readonly url: string;
  readonly name: string;
  readonly side: string;
  readonly jobs: number;
  readonly leaseMs: number;
}

/** Takes jobs and never ends them. Answers when it has all that it wants. */
serveWorker(async (_message, { args }) => {
  const { url, name, side, jobs, leaseMs } = args as Args;
  const contender = side === "ours" ? ours(url, { name }) : plain(url, { name });
  let running = 0;
  await new Promise<void>((resolve, reject) => {
    const run = (): Promise<never> => {
      if (++running === jobs) resolve();
      return new Promise(() => undefined);
    };
    contender.work({ concurrency: jobs, leaseMs, run }).catch(reject);
  });
});
