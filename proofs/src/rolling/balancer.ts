import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Daemon, freePort, startDaemon } from "@scale/testkit";

/** Servers that one port of the balancer stands for. */
export interface Service {
  readonly name: string;
  /** Ports on loopback. */
  readonly servers: readonly number[];
  /** False for servers that get requests whatever their probes say. @default true */
  readonly isProbed?: boolean;
}

export interface Balancer {
  urlOf(service: string): string;
  stop(): Promise<void>;
}

/** Interval of the balancer's probes, and failed ones after which a server gets no more requests. */
export const PROBE_MS = 100;
export const PROBE_FALL = 2;

/**
 * Starts haproxy in front of services. It keeps idle connections to servers for 60 seconds and shares them among clients, and
 * sends requests to servers whose `/readyz` is 200.
 */
export async function startBalancer(program: string, services: readonly Service[]): Promise<Balancer> {
  const folder = await mkdtemp(join(tmpdir(), "scale-haproxy-"));
  const ports = new Map<string, number>();
  for (const { name } of services) ports.set(name, await freePort());
  const file = join(folder, "haproxy.cfg");
  await writeFile(file, configOf(services, ports));
  const daemon: Daemon = await startDaemon(program, {
    args: ["-db", "-f", file],
    ready: async () => {
      const answers = await Promise.all([...ports.values()].map((port) => fetch(`http://127.0.0.1:${port}/readyz`)));
      return answers.every(({ status }) => status === 200);
    },
  });
  return {
    urlOf: (service) => `http://127.0.0.1:${ports.get(service)}`,
    async stop() {
      await daemon.stop("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function configOf(services: readonly Service[], ports: ReadonlyMap<string, number>): string {
  return [
    "global",
    "  maxconn 8000",
    // Otherwise half of the idle connections to servers are closed every five seconds.
    "  tune.idle-pool.shared on",
    "defaults",
    "  mode http",
    "  timeout connect 2s",
    "  timeout client 60s",
    "  timeout server 60s",
    "  timeout http-keep-alive 60s",
    "  timeout check 1s",
    "  http-reuse always",
    "  option httpchk GET /readyz",
    `  default-server inter ${PROBE_MS} fall ${PROBE_FALL} rise 1 pool-purge-delay 60s`,
    ...services.flatMap(({ name, servers, isProbed = true }) => [
      `listen ${name}`,
      `  bind 127.0.0.1:${ports.get(name)}`,
      ...servers.map((port, index) => `  server ${name}${index} 127.0.0.1:${port}${isProbed ? " check" : ""}`),
    ]),
    "",
  ].join("\n");
}
