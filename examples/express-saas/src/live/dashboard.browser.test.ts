import { type BrowserLaunch, launchBrowser } from "@scale/testkit/browser";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Example, startExample } from "../index.js";
import { asTenant, liveData, withoutPostgres } from "../testing.js";
import { contrasts, structure } from "./page.probe.js";

type Page = Awaited<ReturnType<Extract<BrowserLaunch, { is: "running" }>["browser"]["newPage"]>>;

describe.skipIf(withoutPostgres)("the live page", () => {
  let launch: BrowserLaunch;
  let example: Example;
  beforeAll(async () => {
    launch = await launchBrowser();
    example = await startExample({ traffic: { requestsPerSecond: 60 } });
  });
  afterAll(async () => {
    if (launch?.is === "running") await launch.close();
    await example?.stop();
  });
  beforeEach((context) => {
    if (launch.is === "missing") context.skip(launch.reason);
  });

  /** Opens the page. Closing it fails when the page logged to the console or contacted another server. */
  async function open(hash = ""): Promise<{ page: Page; close: () => Promise<void> }> {
    if (launch.is === "missing") throw new Error(launch.reason);
    const page = await launch.browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });
    const problems: string[] = [];
    page.on("console", (message) => problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("request", (request) => request.url().startsWith(example.url) || problems.push(request.url()));
    await page.goto(`${example.url}/scale${hash}`);
    await page.locator("#tenants tr").nth(9).waitFor();
    const close = async (): Promise<void> => {
      await page.close();
      expect(problems).toEqual([]);
    };
    return { page, close };
  }

  async function visit(look: (page: Page) => Promise<void>, hash?: string): Promise<void> {
    const { page, close } = await open(hash);
    await look(page);
    await close();
  }

  const number = async (page: Page, selector: string): Promise<number> =>
    Number((await page.locator(selector).innerText()).replace(/\D/g, ""));
  const changes = (page: Page, selector: string, from: string): Promise<unknown> =>
    page.waitForFunction(([where = "", text]) => document.querySelector(where)?.textContent !== text, [selector, from]);

  it("shows live numbers that match the counters of the server", async () => {
    await visit(async (page) => {
      const total = await page.locator("#admitted-total").innerText();
      await changes(page, "#admitted-total", total);
      expect(await number(page, "#admitted-total")).toBeGreaterThan(Number(total.replace(/\D/g, "")));
      expect(await number(page, "#admitted-total")).toBeLessThanOrEqual(
        (await liveData(example.url)).decisions.totalAdmitted,
      );
      expect(await page.locator("#plans tr").allInnerTexts()).toHaveLength(4);
      expect(await page.locator("#plans").innerText()).toContain("500 in 15\u00a0min, 3 in 1\u00a0s");
      expect(await page.locator("#plans").innerText()).toContain("export: 3 in 1\u00a0min, 2 at once");
      expect(await page.locator("#load-chart rect").count()).toBeGreaterThan(100);
      expect(await page.locator("#latency-chart path").count()).toBe(3);
      expect(await page.locator("#errors").innerText()).toBe("0");
    });
  });

  it("shows the quotas nearest to their limit, refusals and the suggested plan", async () => {
    const { pool } = example.components.database;
    // Exceeds the free plan and drops the counter, so that rows added by the traffic are counted too.
    await pool.query(`insert into crm.contacts (tenant_id, name, email)
      select 'juniper-works', 'Old', 'old@a.example' from generate_series(1, 6)`);
    await pool.query("delete from crm.scale_quota_rows where tenant_id = 'juniper-works'");
    const body = { name: "Zoe", email: "zoe@a.example" };
    const answer = await asTenant(example.url, "juniper-works")("POST", "/contacts", body);
    expect(answer.status).toBe(402);
    await visit(async (page) => {
      const row = page.locator("#quotas tr", { hasText: "juniper-works" }).filter({ hasText: "contacts" });
      await row.waitFor();
      expect(await row.locator("td").allInnerTexts()).toEqual([
        ...["free", "contacts"],
        expect.stringMatching(/^1\d\d of 105$/),
        expect.stringMatching(/^[1-9]/),
        "upgrade to basic",
      ]);
      expect(await page.locator("#quota-plans tr").first().innerText()).toMatch(/free\s+105\s+52\s+20\s+[1-9]/);
      expect(await page.locator("#quota-plans tr").last().innerText()).toContain("no limit");
      expect(await page.locator("#deciders tr").count()).toBe(6);
    });
  });

  it("shows reads by layer and by tenant, and that the invalidation feed is verified", async ({ skip }) => {
    if (example.components.limitStore.is === "memory") skip("no Redis server program found");
    await visit(async (page) => {
      const row = page.locator("#cache-tenants tr", { hasText: "amber-labs" });
      await row.waitFor();
      await page.waitForFunction(() => /^\d+\u00a0%$/.test(document.querySelector("#cache-hits")?.textContent ?? ""));
      expect(await page.locator("#cache-reads tr th").allInnerTexts()).toEqual(["memory", "Redis", "Postgres"]);
      const { reads } = (await liveData(example.url)).cache;
      const shown = await number(page, "#cache-reads tr:first-child td:last-child");
      expect(shown).toBeGreaterThan(0);
      expect(shown).toBeLessThanOrEqual(reads.memory.total);
      expect(await row.locator("td").allInnerTexts()).toEqual([
        "enterprise",
        expect.stringMatching(/^\d+$/),
        ...Array.from({ length: 3 }, () => expect.stringMatching(/^\d+\u00a0%$/)),
        expect.stringMatching(/^\d+ \/ \d+$/),
      ]);
      expect(await page.locator("#cache-proven").innerText()).toMatch(/^[0-3]\.\d\u00a0s ago$/);
      expect(await page.locator("#cache-served").innerText()).toBe("memory is served");
      expect(await page.locator("#cache-bytes").innerText()).toMatch(/^\d\.\d of 3\.0$/);
      expect(await number(page, "#cache-events tr:first-child td:last-child")).toBeGreaterThan(0);
    });
  });

  it("shows state and lag of each database server, and the reasons of routes", async () => {
    const [replica] = example.components.database.server?.replicas ?? [];
    await visit(async (page) => {
      const state = (node: string) => page.locator("#db-nodes tr", { hasText: node }).locator("td").first();
      expect(await page.locator("#db-nodes tr th").allInnerTexts()).toEqual(["primary", "replica-1", "replica-2"]);
      expect(await state("primary").innerText()).toBe("serves writes");
      await page.locator("#db-nodes tr", { hasText: "replica-1" }).getByText("serves reads").waitFor();
      await page.waitForFunction(() =>
        /^[1-9]\d?\u00a0%$/.test(document.querySelector("#db-reads")?.textContent ?? ""),
      );
      expect(await page.locator("#db-routes tr").count()).toBe(8);
      expect(await number(page, "#db-routes tr:first-child td:last-child")).toBeGreaterThan(0);
      // The first request of each tenant loads five values, more than the concurrency of the smaller plans.
      expect(await page.locator("#db-queue tr").count()).toBe(10);
      expect(await page.locator("#db-queue tr").first().locator("td").nth(1).innerText()).toMatch(/^[2-8]$/);

      await replica?.pauseReplay();
      await page.locator("#db-lag-bytes", { hasText: "replica-1" }).waitFor();
      await page.locator("#db-nodes tr", { hasText: "replica-1" }).getByText("out: lag too high").waitFor();
      await replica?.resumeReplay();
      await page.locator("#db-nodes tr", { hasText: "replica-1" }).getByText("serves reads").waitFor();
      expect(await page.locator("#errors").innerText()).toBe("0");
    });
  });

  it("does not change while paused", async () => {
    await visit(async (page) => {
      const button = page.getByRole("button", { name: "Pause" });
      await button.press("Enter");
      expect(await button.getAttribute("aria-pressed")).toBe("true");
      const before = await page.locator("main").innerText();
      const { totalAdmitted } = (await liveData(example.url)).decisions;
      // Longer than a refresh interval.
      await page.waitForTimeout(1500);
      expect((await liveData(example.url)).decisions.totalAdmitted).toBeGreaterThan(totalAdmitted);
      expect(await page.locator("main").innerText()).toBe(before);
      await button.press("Enter");
      await changes(page, "#admitted-total", await page.locator("#admitted-total").innerText());
    });
  });

  it("shows the seconds as a table on request", async () => {
    await visit(async (page) => {
      await page.locator("summary").press("Enter");
      await page.locator("#seconds tr").nth(58).waitFor();
      expect(await page.locator("#seconds tr th").first().innerText()).toBe("1");
    });
  });

  describe("once open", () => {
    let page: Page;
    let close: () => Promise<void>;
    beforeAll(async () => {
      if (launch.is === "running") ({ page, close } = await open());
    });
    afterAll(() => close?.());

    it("has headings, named tables and a polite status", async () => {
      const { headings, tables, status, unnamed } = await page.evaluate(structure);
      expect(headings).toEqual(["H1", "H2", "H2", "H2", "H2", "H2", "H2", "H2"]);
      expect(tables).toHaveLength(17);
      for (const table of tables) expect(table).toEqual({ hasCaption: true, unscopedHeaders: 0, rowsWithoutHeader: 0 });
      expect(status).toEqual({ role: "status", text: expect.stringContaining("Redis connected") });
      expect(unnamed).toEqual([]);
    });

    it("is usable with the keyboard alone", async () => {
      const reached: string[] = [];
      for (let n = 0; n < 23; n++) {
        await page.keyboard.press("Tab");
        reached.push(await page.evaluate(() => document.activeElement?.tagName ?? ""));
      }
      expect(reached.slice(0, 2)).toEqual(["BUTTON", "SUMMARY"]);
      expect(reached.slice(2, 5)).toEqual(["INPUT", "BUTTON", "BUTTON"]);
      expect(reached.filter((tag) => tag === "DIV")).toHaveLength(16);
    });

    it.each(["light", "dark"] as const)("has the contrast of WCAG AA in %s colors", async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      const found = await page.evaluate(contrasts);
      expect(found.length).toBeGreaterThan(15);
      expect(found.filter(({ ratio, least }) => ratio < least)).toEqual([]);
    });

    it.each([360, 380, 1280])("fits into %d pixels", async (width) => {
      await page.setViewportSize({ width, height: 900 });
      const widths = await page.evaluate(() => [document.body.scrollWidth, document.documentElement.clientWidth]);
      expect(widths[0]).toBeLessThanOrEqual(widths[1] ?? 0);
      // No table scrolls horizontally either.
      const tables = page.locator(".scroll:visible");
      const hidden = await tables.evaluateAll((all) => all.map((region) => region.scrollWidth - region.clientWidth));
      expect(hidden).toEqual(Array.from({ length: 16 }, () => 0));
    });
  });

  it("loads only its own files, which are small", async () => {
    const names = [
      "/icon.svg",
      "/resilience.js",
      "",
      "/page.css",
      "/page.js",
      "/dom.js",
      "/cache.js",
      "/database.js",
      "/charts.js",
    ];
    const files = await Promise.all(names.map((name) => fetch(`${example.url}/scale${name}`)));
    expect(files.map(({ status }) => status)).toEqual(names.map(() => 200));
    const policy = files[2]?.headers.get("content-security-policy");
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    const sizes = await Promise.all(files.map(async (file) => (await file.arrayBuffer()).byteLength));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(50_000);
  });

  it("shows that Redis is down, and that it is back", async ({ skip }) => {
    const { limitStore } = example.components;
    const server = limitStore.is === "redis" ? limitStore.server : undefined;
    if (server === undefined) skip("no Redis server program found");
    await visit(async (page) => {
      await server?.kill();
      await page.locator("#status[data-state=disconnected]").waitFor();
      await page.getByText("memory is not served").waitFor();
      await server?.restart();
      await page.locator("#status[data-state=connected]").waitFor();
      await page.getByText("memory is served").waitFor();
      expect(await page.locator("#errors").innerText()).toBe("0");
    });
  });

  it("shows that the server does not respond, and recovers", async () => {
    await visit(async (page) => {
      await page.route("**/scale/data", (route) => route.fulfill({ status: 204 }));
      await page.locator("#status[data-state=lost]").waitFor();
      await page.unroute("**/scale/data");
      await page.locator("#status[data-state=connected]").waitFor();
    });
  });

  it("shows fallbacks, the shed level and the recovery while the upstream is broken", { timeout: 90_000 }, async () => {
    await visit(async (page) => {
      const breaker = page.locator("#breakers tr", { hasText: "rates" });
      const text = (selector: string, expected: RegExp) =>
        page.waitForFunction(
          ([where = "", source = ""]) => new RegExp(source, "u").test(document.querySelector(where)?.textContent ?? ""),
          [selector, expected.source],
        );
      // The token came with the address, and is not in it any more.
      expect(page.url()).toBe(`${example.url}/scale`);
      await breaker.getByText("closed", { exact: true }).waitFor();
      await text("#shed-level", /^normal$/);
      expect(await page.locator("#flags tr th").allInnerTexts()).toEqual(["exports", "warming"]);

      await page.getByRole("button", { name: "Stop the rates service" }).click();
      await page.getByText("accepts calls and does not answer").waitFor();
      // The own traffic asks for rates three times a second; these callers make the breaker see the outage at once.
      const callers = ["amber-labs", "fjord-labs"].map((tenantId) => asTenant(example.url, tenantId));
      const answers = await Promise.all(
        callers.flatMap((get) => Array.from({ length: 12 }, () => get("GET", "/api/rates"))),
      );
      expect(answers.map(({ body }) => body["source"])).toEqual(answers.map(() => "last-known"));
      await text("#breakers-open", /^1 of 1$/);
      await breaker.getByText(/in a row|too many failures|probe failed/u).waitFor();
      await text("#fallbacks", /^[1-9]\d+$/);
      // Each caller held room for as long as it waited.
      await text("#shed-room", /highest in 60\u00a0s [2-9]\d/);

      await page.getByRole("button", { name: "Send a burst" }).click();
      await text("#shed-level", /^(?:shedding|braking)$/);
      await text("#shed", /^[1-9]\d*$/);
      await page.locator("#shed-tenants tr", { hasText: "amber-labs" }).waitFor();

      await page.getByRole("button", { name: "Start the rates service" }).click();
      await breaker.getByText("closed", { exact: true }).waitFor();
      await text("#breakers-open", /^0 of 1$/);
      await text("#shed-level", /^normal$/);
      await text("#shed-room", /^\d of /);
    }, `#token=${example.adminToken}`);
  });

  it("breaks nothing without the admin token", async () => {
    if (launch.is === "missing") throw new Error(launch.reason);
    // Without the checks of `open`: the browser logs the refusal.
    const page = await launch.browser.newPage();
    await page.goto(`${example.url}/scale`);
    await page.getByLabel("Admin token").fill("wrong");
    await page.getByRole("button", { name: "Stop the rates service" }).click();
    await page.getByText("The token is not valid.").waitFor();
    expect((await liveData(example.url)).resilience.isUpstreamStuck).toBe(false);
    await page.close();
  });
});
