import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { freePort } from "../process/free-port.js";
import { isAlive } from "../process/liveness.js";
import { ServerError } from "../server-error.js";
import { findRedis } from "./find.js";
import type { RedisServer } from "./run.js";
import { type RedisOptions, startRedis } from "./server.js";

describe.skipIf(!findRedis())("startRedis", () => {
  const clients: Redis[] = [];
  const servers: RedisServer[] = [];

  async function start(options?: RedisOptions): Promise<{ server: RedisServer; client: Redis }> {
    const server = await startRedis(options);
    servers.push(server);
    const client = new Redis(server.url, { maxRetriesPerRequest: 0, retryStrategy: () => 20 });
    client.on("error", () => {});
    clients.push(client);
    return { server, client };
  }

  /** The client reconnects on its own; a command that it sends too early rejects. */
  const back = (client: Redis): Promise<unknown> => (client.status === "ready" ? client.ping() : once(client, "ready"));

  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect();
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  it("serves on loopback and reports its name and version", async () => {
    const { server, client } = await start();
    await client.set("a", "1");
    expect(await client.get("a")).toBe("1");
    const info = await client.info("server");
    const version = /valkey_version:(\S+)/.exec(info)?.[1] ?? /redis_version:(\S+)/.exec(info)?.[1];
    expect(server.version).toBe(version);
    expect(server.output()).toContain("Ready to accept connections");
  });

  it("asks for the password that its url carries", async () => {
    const { server, client } = await start({ requirepass: "p@ss:/word" });
    expect(await client.ping()).toBe("PONG");
    const stranger = new Redis(server.port, server.host);
    stranger.on("error", () => {});
    clients.push(stranger);
    await expect(stranger.get("a")).rejects.toThrow("NOAUTH");
  });

  it("has a random password, which no other account can read", async () => {
    const { server, client } = await start();
    const { password } = new URL(server.url);
    expect(password).toMatch(/^[\w-]{32}$/);
    const stranger = new Redis(server.port, server.host);
    stranger.on("error", () => {});
    clients.push(stranger);
    await expect(stranger.get("a")).rejects.toThrow("NOAUTH");
    const [, folder = ""] = await client.config("GET", "dir");
    expect(statSync(folder).mode & 0o077).toBe(0);
    for (const file of readdirSync(folder)) expect(statSync(join(folder, file)).mode & 0o077).toBe(0);
    const commandLine = existsSync("/proc") ? readFileSync(`/proc/${server.pid}/cmdline`, "utf8") : "";
    expect(commandLine).not.toContain(password);
    expect((await start()).server.url).not.toContain(password);
  });

  it("passes arguments on, after its own", async () => {
    const { client } = await start({ args: ["--maxmemory", "7mb"] });
    expect(await client.config("GET", "maxmemory")).toEqual(["maxmemory", "7340032"]);
  });

  it("answers nothing while paused and everything after", async () => {
    const { server, client } = await start();
    await client.ping();
    server.pause();
    const reply = client.incr("n");
    const first = await Promise.race([reply, new Promise((resolve) => setTimeout(resolve, 50, "silence"))]);
    expect(first).toBe("silence");
    expect(isAlive(server.pid ?? 0)).toBe(true);
    server.resume();
    expect(await reply).toBe(1);
  });

  it("loses its data when it is killed and restarted, on the same port", async () => {
    const { server, client } = await start();
    await client.set("a", "1");
    const { pid } = server;
    await server.kill();
    expect(server.pid).toBeUndefined();
    expect(isAlive(pid ?? 0)).toBe(false);
    await server.restart();
    await back(client);
    expect(server.pid).not.toBe(pid);
    expect(await client.get("a")).toBeNull();
  });

  it("keeps its data through a kill with an append-only file", async () => {
    const { server, client } = await start({ aof: true });
    await client.set("a", "1");
    await server.kill();
    await server.restart();
    await back(client);
    expect(await client.get("a")).toBe("1");
  });

  it("restarts in order when it runs, also when it is frozen", async () => {
    const { server, client } = await start({ aof: true });
    await client.set("a", "1");
    server.pause();
    await server.restart();
    await back(client);
    expect(await client.get("a")).toBe("1");
  });

  it("leaves neither process nor folder after stop", async () => {
    const { server, client } = await start();
    const [, folder = ""] = await client.config("GET", "dir");
    const pid = server.pid ?? 0;
    expect(existsSync(folder)).toBe(true);
    await Promise.all([server.stop(), server.stop()]);
    expect(existsSync(folder)).toBe(false);
    expect(isAlive(pid)).toBe(false);
  });

  it("throws one line for a port that is taken", async () => {
    const port = await freePort();
    const blocker = createServer().listen(port, "127.0.0.1");
    await once(blocker, "listening");
    const error = await startRedis({ port }).catch((error: unknown) => error);
    blocker.close();
    expect(error).toBeInstanceOf(ServerError);
    expect(error).toMatchObject({ message: `${findRedis()?.name}: port ${port} is in use` });
    expect((error as ServerError).detail).toContain("bind");
  });

  it("throws the reason for which a server refuses its arguments", async () => {
    await expect(startRedis({ args: ["--maxmemory-policy", "nonsense"] })).rejects.toThrow(/must be one of/);
  });
});
