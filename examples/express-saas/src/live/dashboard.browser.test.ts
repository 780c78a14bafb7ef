import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Snapshot } from "@scale/dashboard";
import { bundle, type CpuStarvation, waitUntil, watchCpuStarvation } from "@scale/testkit";
import { type BrowserLaunch, launchBrowser } from "@scale/testkit/browser";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Example, startExample } from "../index.js";
import { asTenant, withoutPostgres } from "../testing.js";

const SHOTS = process.env["SCALE_SCREENSHOTS"];

/** Until a band is on the charts, on a machine that runs this process when it can. */
const SHOWN_WITHIN_MS = 2000;
const TICK_MS = 5;
const BROWSER_PROCESSES = 3;

describe.skipIf(withoutPostgres)("the live page", { timeout: 90_000 }, () => {
  let launch: BrowserLaunch;
  let example: Example;
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "live-page-"));
    const control = bundle(new URL("../control/main.ts", import.meta.url), folder);
    launch = await launchBrowser();
    example = await startExample({ traffic: { requestsPerSecond: 30 }, control: await control });
  });
  afterAll(async () => {
    if (launch?.is === "running") await launch.close();
    await example?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach((context) => {
    if (launch.is === "missing") context.skip(launch.reason);
  });

  /** Opens the page by the address that the example prints. It must log nothing, and ask no other server. */
  async function visit(look: (page: Page) => Promise<void>): Promise<void> {
    if (launch.is === "missing") throw new Error(launch.reason);
    const page = await launch.browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: "light" });
    const problems: string[] = [];
    page.on("console", (message) => problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("request", (request) => request.url().startsWith(example.url) || problems.push(request.url()));
    page.on(
      "response",
      (response) => response.status() >= 400 && problems.push(`${response.status()} ${response.url()}`),
    );
    await page.goto(`${example.url}/scale?token=${example.adminToken}`, { waitUntil: "commit" });
    await page.locator("#busiest tr").nth(5).waitFor();
    // The token came with the address, and is not in it any more.
    expect(page.url()).toBe(`${example.url}/scale`);
    await look(page);
    await page.close();
    expect(problems).toEqual([]);
  }

  /** Rules of accessibility that the page breaks. */
  async function violationsOf(page: Page): Promise<unknown[]> {
    // As text of the test: the policy of the page allows no foreign script in it.
    await page.evaluate(await readFile(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8"));
    const { violations } = await page.evaluate<AxeResults>("axe.run()");
    return violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]);
  }

  async function snapshot(): Promise<Snapshot> {
    const headers = { authorization: `Bearer ${example.adminToken}` };
    return (await (await fetch(`${example.url}/scale/data`, { headers })).json()) as Snapshot;
  }

  const open = async (page: Page, tab: string): Promise<void> => {
    await page.locator(`#tab-${tab}`).click();
    await page.locator("#section table").first().waitFor();
  };
  const rowOf = (page: Page, caption: string, name: string) =>
    page
      .locator("#section table", { has: page.locator("caption", { hasText: caption }) })
      .locator("tr", { hasText: name });

  it("shows what the server counts, and the same requests without the packages", async () => {
    await visit(async (page) => {
      await page
        .locator("#comparison", { hasText: /The same requests with the packages off: p99 [\d,.]+ ms/ })
        .waitFor();
      await page.locator("#latency-chart .there").waitFor({ state: "attached" });
      const admitted = Number((await page.locator("#tiles dd").nth(1).innerText()).replaceAll(",", ""));
      expect(admitted).toBeGreaterThan(0);
      expect((await snapshot()).requests.failed).toBe(0);
      expect(await page.locator("#dependencies li").allInnerTexts()).toEqual([
        ...["database works", "cache works", "redis works", "breaker:rates works"],
      ]);
    });
  });

  it("shows limits of the plans, the quotas nearest to their limit, and the suggested plan", async () => {
    const { pool } = example.components.database;
    // Exceeds the free plan and drops the counter, so that rows added by the traffic are counted too.
    await pool.query(`insert into crm.contacts (tenant_id, name, email)
      select 'juniper-works', 'Old', 'old@a.example' from generate_series(1, 6)`);
    await pool.query("delete from crm.scale_quota_rows where tenant_id = 'juniper-works'");
    const body = { name: "Zoe", email: "zoe@a.example" };
    expect((await asTenant(example.url, "juniper-works")("POST", "/contacts", body)).status).toBe(402);
    await visit(async (page) => {
      await open(page, "limits");
      const free = await rowOf(page, "Plans, last 60 seconds", "free").innerText();
      expect(free).toContain("500 in 15 min, 3 in 1 s");
      expect(free).toContain("export: 3 in 1 min, 2 at once");
      const nearest = rowOf(page, "nearest to their limit", "juniper-works").filter({ hasText: "contacts" });
      await nearest.waitFor();
      expect(await nearest.innerText()).toMatch(/free\s+contacts\s+1\d\d of 105\s+[1-9]\d*\s+upgrade to basic/);
      expect(await rowOf(page, "Quotas of the plans", "enterprise").innerText()).toContain("no limit");
    });
  });

  it("shows reads by layer and tenant, and the servers of the database with their routes", async () => {
    await visit(async (page) => {
      await open(page, "cache");
      await rowOf(page, "with the most reads", "amber-").first().waitFor();
      await page.locator("#section", { hasText: "memory is served" }).waitFor();
      expect(await rowOf(page, "Reads by layer", "Postgres").count()).toBe(1);
      await open(page, "database");
      await rowOf(page, "Servers", "replica-1").getByText("serves reads").waitFor();
      expect(await rowOf(page, "Servers", "primary").innerText()).toContain("serves writes");
      expect(await rowOf(page, "Statements by server", "replica: reads").innerText()).toMatch(/[1-9]\d*$/);
    });
  });

  it("shows a tenant: plan, limits, quotas, cache share, connections, and the reasons of its last decisions", async () => {
    await visit(async (page) => {
      const tenantId = "delta-labs";
      const ask = asTenant(example.url, tenantId, "ann");
      const isDenied = async (): Promise<boolean> => {
        const answers = await Promise.all(Array.from({ length: 20 }, () => ask("GET", "/contacts?limit=1")));
        return answers.some(({ status }) => status === 429);
      };
      await waitUntil(isDenied, { what: "a denial", timeoutMs: 30_000 });
      await page.locator("#tab-tenants").click();
      await page.locator("#search-text").fill("delta-l");
      await page.locator("#search-text").press("Enter");
      await page.locator("#found a", { hasText: tenantId }).click();
      const tenant = page.locator("#tenant");
      await tenant.getByText("delta-labs (free)").waitFor();
      const decisions = tenant.locator("table", { has: page.locator("caption", { hasText: "Last decisions" }) });
      const denial = decisions.locator("tr", { hasText: "denied" }).filter({ hasText: "tenant-second" }).first();
      await denial.waitFor();
      // A busy machine may be late with Redis, so that this process decides.
      expect(await denial.innerText()).toMatch(
        /(store of the limiter|recent refusal|this process, without the store)\s+above 3 in 1 s, 6 at once; again in/,
      );
      // Quotas are left out while their store is late: the page asks again.
      for (const shown of ["Cache memory", "Connections at once", "500 in 15 min", "Quotas", "emails"])
        await tenant.getByText(shown).first().waitFor();
      expect(await violationsOf(page)).toEqual([]);
    });
  });

  describe("breaks", () => {
    /** Presses a button; its band is on both charts within two seconds of the time in which the machine runs this process. */
    async function press(page: Page, label: string): Promise<void> {
      const starvation = watchCpuStarvation(TICK_MS);
      const shown = new AbortController();
      const watching = tickUntil(shown.signal, starvation);
      const pressedAt = performance.now();
      await page.locator("#action-buttons").getByRole("button", { name: label, exact: true }).click();
      for (const chart of ["#load-chart", "#latency-chart"])
        await page.locator(`${chart} .band-label`, { hasText: label }).first().waitFor({ state: "attached" });
      const shownAt = performance.now();
      shown.abort();
      await watching;
      // The browser's processes, one after another, wait for the machine as long as this one.
      const starvedMs = BROWSER_PROCESSES * starvation.between(pressedAt, shownAt);
      expect(shownAt - pressedAt - starvedMs).toBeLessThan(SHOWN_WITHIN_MS);
    }

    async function tickUntil(signal: AbortSignal, starvation: CpuStarvation): Promise<void> {
      while (!signal.aborted) {
        await sleep(TICK_MS, undefined, { signal }).catch(() => undefined);
        starvation.tick();
      }
    }

    /** Ends an action, unless its time is over. @returns the sentence of the page about it, after all works again */
    async function end(page: Page, label: string, endLabel: string): Promise<string> {
      const button = page.locator("#action-buttons").getByRole("button", { name: endLabel, exact: true });
      await button.click({ timeout: 1000 }).catch(() => undefined);
      const item = page.locator("#incident-list li", { hasText: label }).first();
      await item.getByText(/all worked again/).waitFor({ timeout: 40_000 });
      return item.innerText();
    }

    async function events(page: Page, ...texts: string[]): Promise<void> {
      await page.locator("#tab-events").click();
      for (const text of texts) await page.locator("#event-rows", { hasText: text }).waitFor();
      await page.locator("#tab-overview").click();
    }

    it("Redis: this process decides, no request fails, and it is used again at once", async ({ skip }) => {
      if (example.components.limitStore.is === "memory") skip("no Redis server program found");
      await visit(async (page) => {
        for (const [label, endLabel] of [
          ["Kill Redis", "Restart Redis"],
          ["Freeze Redis", "Thaw Redis"],
        ] as const) {
          await press(page, label);
          await page.locator("#dependencies li", { hasText: /^redis (down|with limits)/ }).waitFor();
          expect(await end(page, label, endLabel)).toContain("no request failed");
        }
        await events(page, "an operator started: Kill Redis", "the store of the limiter api did not answer");
        if (SHOTS !== undefined) await page.screenshot({ path: `${SHOTS}/demo-redis.png` });
      });
    });

    it("an upstream: the breaker opens, and callers get the last known rates", async () => {
      const ask = asTenant(example.url, "amber-labs");
      expect((await ask("GET", "/api/rates")).body).toMatchObject({ source: "live" });
      await visit(async (page) => {
        await press(page, "Break an upstream");
        const answers = await Promise.all(Array.from({ length: 20 }, () => ask("GET", "/api/rates")));
        expect(answers.map(({ body }) => body["source"])).toContain("last-known");
        await events(page, "the breaker rates is open", "a fallback of rates was used");
        expect(await end(page, "Break an upstream", "Mend the upstream")).toContain("no request failed");
        await events(page, "the breaker rates is closed");
      });
    });

    it("a replica, which is ejected and returns, and upgrades a plan meanwhile", async ({ skip }) => {
      if (example.components.database.server === undefined) skip("the database has no replicas");
      await visit(async (page) => {
        await press(page, "Lag a replica");
        await press(page, "Upgrade a plan");
        await page.locator("#busiest tr", { hasText: "delta-labs" }).getByText("enterprise").waitFor();
        await events(page, "replica-1 serves nothing: lagging");
        expect(await end(page, "Lag a replica", "Let it catch up")).toContain("no request failed");
        expect(await end(page, "Upgrade a plan", "End the upgrade")).toContain("were refused");
        await events(page, "replica-1 serves again");
      });
    });

    it("the peace: one tenant is noisy, and the page says so", async () => {
      await visit(async (page) => {
        await press(page, "Noisy tenant ×20");
        await page.locator("#story", { hasText: /^cedar-labs sends \d+× the median tenant and is refused/ }).waitFor();
        await page.locator("#busiest tr", { hasText: "cedar-labs" }).getByText("noisy").waitFor();
        if (SHOTS !== undefined) await page.screenshot({ path: `${SHOTS}/demo-noisy.png` });
        expect(await violationsOf(page)).toEqual([]);
        const felt = await end(page, "Noisy tenant ×20", "Quiet the tenant");
        expect(felt).toMatch(/no request failed, \d+ of \d+ were refused/);
      });
    });

    it("the queue: quiet tenants still get their jobs", async () => {
      await visit(async (page) => {
        await press(page, "Flood the queue");
        await open(page, "queues");
        await page.locator("#section", { hasText: "Jobs waiting" }).waitFor();
        await rowOf(page, "Tenants with the most jobs", "amber-labs").waitFor();
        expect(await page.locator("#section .tiles").innerText()).toContain("Wait of quiet tenants, p95");
      });
    });

    it("nothing for a caller without the token, or a page of another origin", async () => {
      const start = (headers: HeadersInit): Promise<Response> =>
        fetch(`${example.url}/scale/actions/kill-redis/start`, { method: "POST", headers });
      const authorization = `Bearer ${example.adminToken}`;
      expect((await start({})).status).toBe(403);
      expect((await start({ authorization: "Bearer wrong" })).status).toBe(403);
      expect((await start({ authorization, origin: "http://evil.example" })).status).toBe(403);
      expect((await start({ authorization, "sec-fetch-site": "same-site" })).status).toBe(403);
    });
  });

  it("has answered every request of its traffic", async () => {
    expect((await snapshot()).requests.failed).toBe(0);
    // The shedder alone may reply with a 5xx.
    const { errors, resilience } = example.facts();
    expect(errors.total - resilience.shed.refused.total).toBe(0);
  });
});
