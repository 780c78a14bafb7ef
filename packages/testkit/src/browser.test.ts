import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { findChromium, launchBrowser } from "./browser.js";
import { freePort } from "./process/free-port.js";
import { childrenOf, isAlive } from "./process/liveness.js";

function descendants(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendants(child)]);
}

describe("launchBrowser", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it.skipIf(!findChromium())("shows a page, keeps contexts apart, and leaves nothing after close", async () => {
    const temp = await mkdtemp(join(tmpdir(), "browser-"));
    vi.stubEnv("TMPDIR", temp);
    const server = createServer((request, response) => {
      const seen = request.headers.cookie ?? "none";
      response.setHeader("set-cookie", "seen=1").setHeader("content-type", "text/html").end(`<p>${seen}</p>`);
    }).listen(await freePort(), "127.0.0.1");
    await once(server, "listening");
    const launch = await launchBrowser();
    if (launch.is === "missing") throw new Error(launch.reason);
    const { browser, pid, close } = launch;
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/`;
    const texts: (string | null)[] = [];
    for (const context of [await browser.newContext(), await browser.newContext()]) {
      const page = await context.newPage();
      for (let visit = 0; visit < 2; visit++) {
        await page.goto(url);
        texts.push(await page.textContent("p"));
      }
    }
    expect(texts).toEqual(["none", "seen=1", "none", "seen=1"]);
    const family = [pid, ...descendants(pid)];
    expect(family.length).toBeGreaterThan(2);
    await close();
    await vi.waitUntil(() => !family.some(isAlive), { timeout: 5_000 });
    expect(await readdir(temp)).toEqual([]);
    await rm(temp, { recursive: true });
    server.closeAllConnections();
    server.close();
  });

  it("returns the reason for a missing browser, and throws it in CI", async () => {
    vi.stubEnv("CHROMIUM_PATH", "");
    vi.stubEnv("PATH", "/no/such/folder");
    vi.stubEnv("CI", "");
    expect(await launchBrowser()).toEqual({ is: "missing", reason: expect.stringContaining("CHROMIUM_PATH") });
    vi.stubEnv("CI", "true");
    await expect(launchBrowser()).rejects.toThrow("no Chromium found");
  });

  it("throws for a CHROMIUM_PATH that is no program, rather than skip tests", async () => {
    vi.stubEnv("CHROMIUM_PATH", "/no/such/browser");
    await expect(launchBrowser()).rejects.toThrow("CHROMIUM_PATH is /no/such/browser, which is not a program");
  });
});
