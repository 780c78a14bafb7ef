import { type ProcessPool, startProcessPool, waitUntil } from "@scale/testkit";
import { type Clients, openClients } from "./clients.js";
import type { Ask, Setup, Usage } from "./server.worker.js";

const WORKER = new URL("../../../benchmarks/src/realtime/server.worker.ts", import.meta.resolve("@scale/testkit"));

/** A contender in a process of its own, with its clients in this one. */
export interface BenchServer {
  readonly clients: Clients;
  /** Sends events to every client, and resolves when all have arrived at the `clients` that read. */
  broadcast(events: Broadcast): Promise<void>;
  usage(): Promise<Usage>;
  close(): Promise<void>;
}

export interface Broadcast {
  readonly events: number;
  /** Size of the data of an event. */
  readonly bytes: number;
  /** Events of one turn of the event loop. */
  readonly atOnce: number;
  /** Clients that read. */
  readonly readers: number;
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
    async broadcast({ events, bytes, atOnce, readers }) {
      const wanted = clients.received + events * readers;
      await ask({ broadcast: events, bytes, atOnce });
      await waitUntil(() => clients.received >= wanted, { what: "every event", timeoutMs: 120_000, everyMs: 1 });
    },
    usage,
    async close() {
      clients.close();
      await pool.close();
    },
  };
}
