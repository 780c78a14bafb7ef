import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.js";
import { freePort } from "../process/free-port.js";
import { waitUntil } from "../wait.js";

/** Sends back what it gets; ends when the client does. */
async function startEcho(): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** A client that collects what it gets. */
function dial(port: number): { socket: Socket; got(): Buffer; ended: Promise<string> } {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<string>((resolve) => {
    socket.once("end", () => resolve("end"));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  return { socket, got: () => Buffer.concat(chunks), ended };
}

describe("startFaultProxy", () => {
  let echo: Server;
  let proxy: FaultProxy;
  const clients: Socket[] = [];

  function client(): ReturnType<typeof dial> {
    const made = dial(proxy.port);
    clients.push(made.socket);
    return made;
  }

  async function roundTrip({ socket, got }: ReturnType<typeof dial>, bytes: Buffer): Promise<number> {
    const start = performance.now();
    const expected = got().length + bytes.length;
    socket.write(bytes);
    while (got().length < expected) await once(socket, "data");
    return performance.now() - start;
  }

  /** Long enough for loopback many times over. */
  const silence = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

  beforeEach(async () => {
    echo = await startEcho();
    proxy = await startFaultProxy((echo.address() as AddressInfo).port);
  });
  afterEach(async () => {
    for (const socket of clients.splice(0)) socket.destroy();
    await proxy.close();
    echo.close();
    await once(echo, "close");
  });

  it("carries bytes both ways unchanged, in order, and counts them", async () => {
    const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => i % 251));
    const one = client();
    one.socket.end(bytes);
    expect(await one.ended).toBe("end");
    expect(one.got().equals(bytes)).toBe(true);
    expect(proxy.stats).toMatchObject({ connections: 1, bytesUp: 3_000_000, bytesDown: 3_000_000 });
    await waitUntil(() => proxy.stats.open === 0, { what: "the end of the connection" });
  });

  it("delays every byte, each way, without thinning out what follows", async () => {
    const one = client();
    await roundTrip(one, Buffer.from("warm"));
    proxy.latencyMs = 40;
    const start = performance.now();
    for (let i = 0; i < 10; i++) {
      one.socket.write("x");
      await new Promise((resolve) => setImmediate(resolve));
    }
    await roundTrip(one, Buffer.from("y"));
    const took = performance.now() - start;
    expect(took).toBeGreaterThanOrEqual(79);
    expect(took).toBeLessThan(79 + 10 * 40);
    proxy.latencyMs = 0;
    expect(await roundTrip(one, Buffer.from("z"))).toBeLessThan(79);
  });

  it("limits the rate of each connection", async () => {
    const one = client();
    await roundTrip(one, Buffer.from("warm"));
    proxy.bytesPerSecond = 100_000;
    const took = await roundTrip(one, Buffer.alloc(20_000));
    expect(took).toBeGreaterThanOrEqual(190);
    proxy.bytesPerSecond = 0;
    expect(await roundTrip(one, Buffer.alloc(20_000))).toBeLessThan(took);
  });

  it("holds everything during a stall and delivers it after", async () => {
    const one = client();
    await roundTrip(one, Buffer.from("a"));
    proxy.stall();
    one.socket.write("b");
    const two = client();
    two.socket.write("c");
    await once(two.socket, "connect");
    await silence();
    expect([one.got().toString(), two.got().toString()]).toEqual(["a", ""]);
    proxy.unstall();
    await Promise.all([once(one.socket, "data"), once(two.socket, "data")]);
    expect([one.got().toString(), two.got().toString()]).toEqual(["ab", "c"]);
  });

  it("swallows everything in a black hole, for good, and accepts new connections without an answer", async () => {
    const one = client();
    await roundTrip(one, Buffer.from("a"));
    proxy.blackHole();
    const two = client();
    one.socket.write("b");
    two.socket.write("b");
    await once(two.socket, "connect");
    await proxy.up();
    one.socket.write("c");
    two.socket.end("c");
    await silence();
    expect([one.got().toString(), two.got().toString()]).toEqual(["a", ""]);
    expect(proxy.stats).toMatchObject({ open: 2, bytesUp: 1, bytesDown: 1 });
    await roundTrip(client(), Buffer.from("works again"));
  });

  it("swallows also the end of a target's connection", async () => {
    const one = client();
    await roundTrip(one, Buffer.from("a"));
    const state = Promise.race([one.ended, silence().then(() => "open")]);
    proxy.blackHole();
    one.socket.end();
    expect(await state).toBe("open");
  });

  it("resets open connections and lets new ones through", async () => {
    const one = client();
    await roundTrip(one, Buffer.from("a"));
    proxy.reset();
    expect(await one.ended).toBe("ECONNRESET");
    await roundTrip(client(), Buffer.from("b"));
  });

  it("cuts the connection that carries the n-th byte, after exactly that byte, once", async () => {
    const one = client();
    await roundTrip(one, Buffer.from("abc"));
    proxy.cutAfter(4);
    one.socket.once("data", () => one.socket.write("klm"));
    one.socket.write("defghij");
    expect(await one.ended).toBe("ECONNRESET");
    expect(one.got().toString()).toBe("abcdefg");
    const two = client();
    await roundTrip(two, Buffer.from("0123456789"));
    proxy.cutAfter(2);
    two.socket.write("ab"); // The reply ends with the byte of the cut.
    expect(await two.ended).toBe("ECONNRESET");
    expect(two.got().toString()).toBe("0123456789ab");
  });

  it("refuses connections while down, on the same port as before when up", async () => {
    const one = client();
    await roundTrip(one, Buffer.from("a"));
    const { port } = proxy;
    await proxy.down();
    await proxy.down();
    expect(await one.ended).toBe("ECONNRESET");
    expect(await client().ended).toBe("ECONNREFUSED");
    await proxy.up();
    await proxy.up();
    expect(proxy.port).toBe(port);
    await roundTrip(client(), Buffer.from("b"));
  });

  it("cuts a client whose target is not there", async () => {
    const nobody = await startFaultProxy(await freePort());
    const { socket, ended } = dial(nobody.port);
    expect(await ended).toBe("ECONNRESET");
    socket.destroy();
    await nobody.close();
  });

  it("repeats the rest of a target's url", async () => {
    const { port } = echo.address() as AddressInfo;
    const other = await startFaultProxy(`redis://:p%40ss@127.0.0.1:${port}/3`);
    expect(other.url).toBe(`redis://:p%40ss@127.0.0.1:${other.port}/3`);
    await other.close();
    await expect(startFaultProxy("redis://localhost")).rejects.toThrow("no port in redis://localhost");
  });
});
