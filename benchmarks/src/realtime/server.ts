import { type ProcessPool, startProcessPool, waitUntil } from "@scale/testkit";
import { type Clients, openClients } from "./clients.js";
import type { Ask, Setup, Usage } from "./server.worker.js";

const WORKER = new URL("../../../benchmarks/src/realtime/server.worker.ts", import.meta.resolve("@scale/testkit"));

/** A contender in a process of its own, with its clients in this one. */
export interface BenchServer {
  readonly clients: Clients;
  /** Sends events to every client, and resolves when `expected` of them have arrived. */
  broadcast(events: number, bytes: number, expected: number): Promise<void>;
  usage(): Promise<Usage>;
  close(): Promise<void>;
}

export async function startServer(setup: Setup, count: number): Promise<BenchServer> {
  const parse = (reply: unknown): string | Usage | undefined => reply as string | Usage | undefined;
  const pool: ProcessPool<string | Usage | undefined> = await startProcessPool({ size: 1, script: WORKER, parse });
  const ask = (message: Ask): Promise<string | Usage | undefined> => pool.one(0, message);
  const url = (await ask({ start: setup })) as string;
  const clients = await openClients(url, count);
  const usage = async (): Promise<Usage> => (await ask("usage")) as Usage;
  await waitUntil(async () => (await usage()).connections === count, { what: "every connection is registered" });
  return {
    clients,
    async broadcast(events, bytes, expected) {
      const wanted = clients.received + expected;
      await ask({ broadcast: events, bytes });
      await waitUntil(() => clients.received >= wanted, { what: "every event", timeoutMs: 120_000, everyMs: 1 });
    },
    usage,
    async close() {
      clients.close();
      await pool.close();
    },
  };
}
