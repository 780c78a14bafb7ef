import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle, type Daemon, startDaemon } from "@scale/testkit";
import type { InstanceOptions } from "./instance.worker.js";

const WORKER = new URL("../../../proofs/src/rolling/instance.worker.ts", import.meta.resolve("@scale/testkit"));

/** Starts processes of the server. */
export interface Instances {
  start(options: InstanceOptions): Promise<Daemon>;
  /** Ends all that still run. */
  close(): Promise<void>;
}

/** Compiles the server. Call `remove` at the end. */
export async function prepareInstances(): Promise<Instances & { remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "scale-rolling-"));
  const program = await bundle(WORKER, folder);
  const started = new Set<Daemon>();
  return {
    async start(options) {
      const daemon = await startDaemon(process.execPath, {
        args: [program, JSON.stringify(options)],
        ready: /listening/,
      });
      started.add(daemon);
      void daemon.exited.then(() => started.delete(daemon));
      return daemon;
    },
    async close() {
      await Promise.all([...started].map((daemon) => daemon.stop("SIGKILL")));
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
