import { describe, expect, it } from "vitest";
import { ServerError } from "../server-error.js";
import { startDaemon } from "./daemon.js";
import { childrenOf, isAlive } from "./liveness.js";

const sh = (script: string, ready: RegExp | (() => Promise<boolean>) = /up/) =>
  startDaemon("/bin/sh", { args: ["-c", script], ready });

describe("startDaemon", () => {
  it("resolves once the output matches, and tells how the program ended", async () => {
    const daemon = await sh("echo starting; echo up; exec sleep 60");
    expect(daemon.output()).toBe("starting\nup\n");
    expect(isAlive(daemon.pid)).toBe(true);
    await daemon.stop();
    expect(isAlive(daemon.pid)).toBe(false);
    expect(await daemon.exited).toEqual({ code: null, signal: "SIGTERM" });
  });

  it("resolves once a probe answers true, and takes a rejection for not yet", async () => {
    let asked = 0;
    const daemon = await sh("exec sleep 60", async () => {
      asked++;
      if (asked === 1) throw new Error("refused");
      return asked === 3;
    });
    expect(asked).toBe(3);
    await daemon.stop();
  });

  it("rejects with the output of a program that ends first", async () => {
    const error = await sh("echo one; echo two >&2; exit 4").catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ServerError);
    expect(error).toMatchObject({ message: "/bin/sh ended with code 4 before it was ready: two" });
    expect(error).toHaveProperty("detail", expect.stringContaining("one\n"));
  });

  it("rejects when there is no such program", async () => {
    const start = startDaemon("/no/such/program", { ready: /up/ });
    await expect(start).rejects.toThrow("/no/such/program cannot be started: spawn /no/such/program ENOENT");
  });

  it("kills a program that is not ready in time, with what it has started", async () => {
    let pid = 0;
    const start = startDaemon("/bin/sh", { args: ["-c", "echo $$; sleep 61 & wait"], ready: /up/, timeoutMs: 500 });
    const error = await start.catch((error: unknown) => error);
    expect(error).toMatchObject({ message: "/bin/sh was not ready within 500 ms" });
    pid = Number((error as ServerError).detail);
    expect(pid).toBeGreaterThan(1);
    expect([pid, ...childrenOf(pid)].filter(isAlive)).toEqual([]);
  });

  it("ends a program that is frozen", async () => {
    const daemon = await sh("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done");
    daemon.signal("SIGSTOP");
    await daemon.stop();
    expect(await daemon.exited).toEqual({ code: 0, signal: null });
    expect(daemon.output()).toContain("bye");
  });

  it("leads a process group of its own, which the terminal's signals do not reach", async () => {
    const daemon = await sh("echo up; exec sleep 60");
    expect(() => process.kill(-daemon.pid, 0)).not.toThrow();
    await daemon.stop();
    expect(() => process.kill(-daemon.pid, 0)).toThrow("ESRCH");
  });

  it("may be stopped twice and signalled after its end", async () => {
    const daemon = await sh("echo up; exec sleep 60");
    await Promise.all([daemon.stop(), daemon.stop("SIGKILL")]);
    await daemon.stop();
    daemon.signal("SIGKILL");
    expect(isAlive(daemon.pid)).toBe(false);
  });
});
