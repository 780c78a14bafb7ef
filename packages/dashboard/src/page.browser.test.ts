import { execFileSync } from "node:child_process";
import { channel } from "node:diagnostics_channel";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type BrowserLaunch, launchBrowser } from "@scale/testkit/browser";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { busyMinute, createSource, tenant } from "../test/source.js";
import { createDashboard, type Dashboard } from "./dashboard.js";
import { dashboardRoutes } from "./express.js";
import type { ActionCall } from "./index.js";

const source = createSource();
let mayAct = true;
const SHOTS = process.env["SCALE_SCREENSHOTS"];

describe("the page in a browser", () => {
  let launch: BrowserLaunch;
  let dashboard: Dashboard;
  let url = "";
  const server = createServer((request, response) => {
    void dashboardRoutes(dashboard)(request, response, () => void response.writeHead(404).end());
  });
  beforeAll(async () => {
    launch = await launchBrowser();
    const ended = ({ signal }: ActionCall): Promise<void> =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    const list = [
      { id: "kill-redis", label: "Kill Redis", endLabel: "Restart Redis", run: ended },
      { id: "freeze-redis", label: "Freeze Redis", run: ended },
    ];
    dashboard = createDashboard({
      ...{ source, authorize: () => true, everyMs: 100, title: "Example CRM" },
      actions: { title: "Break it", authorize: () => mayAct, list },
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/scale`;
  });
  afterAll(async () => {
    if (launch?.is === "running") await launch.close();
    dashboard.close();
    server.close();
    server.closeAllConnections();
  });
  beforeEach((context) => {
    source.data = busyMinute;
    if (launch.is === "missing") context.skip(launch.reason);
  });

  interface Look {
    readonly width?: number;
    readonly height?: number;
    readonly colorScheme?: "light" | "dark";
  }

  /** Looks at the page. It must log nothing, and ask no other server. */
  async function visit(
    look: (page: Page) => Promise<void>,
    { width = 1280, height = 800, colorScheme = "light" }: Look = {},
  ) {
    if (launch.is === "missing") throw new Error(launch.reason);
    const page = await launch.browser.newPage({ viewport: { width, height }, colorScheme });
    const problems: string[] = [];
    page.on("console", (message) => problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("request", (request) => request.url().startsWith(url) || problems.push(request.url()));
    await page.goto(url);
    await page.locator("#busiest tr").nth(5).waitFor();
    await look(page);
    await page.close();
    expect(problems).toEqual([]);
  }

  it("shows the whole of the first screen at 1280 × 800", async () => {
    await visit(async (page) => {
      expect(await page.locator("#story").innerText()).toBe(
        "delta-labs sends 10× the median tenant and is refused 45 % of it; no other tenant suffers, and amber-labs' p99 stays at 12 ms.",
      );
      expect(await page.locator("#dependencies li").allInnerTexts()).toEqual([
        "database works",
        "redis with limits: lags",
        "rates down",
      ]);
      expect(await page.locator("#tiles dd").allInnerTexts()).toEqual(["21.5", "1,020", "270", "3", "2.1", "8", "14"]);
      expect(await page.locator("#busiest tr").first().innerText()).toContain("noisy");
      const bottom = await page
        .locator("#busiest tr")
        .nth(5)
        .evaluate((row) => row.getBoundingClientRect().bottom);
      expect(bottom).toBeLessThanOrEqual(800);
      expect(await page.locator("#load-chart rect:not(.band)").count()).toBe(180);
      expect(await page.locator("#latency-chart path").count()).toBe(3);
    });
  });

  it("shows a change within a message, and the tenant that suffers", async () => {
    await visit(async (page) => {
      source.data = { ...busyMinute, tenants: [...busyMinute.tenants, tenant("last-labs", { failed: 20 })] };
      await page.locator("#busiest", { hasText: "suffers" }).waitFor();
      expect(await page.locator("#story").innerText()).toContain("last-labs gets errors for 25 % of its requests");
    });
  });

  it("runs an action: a band over both charts, what callers noticed, and the end", async () => {
    await visit(async (page) => {
      const button = page.locator("#action-buttons button").first();
      await page.locator("#actions", { hasText: "Break it" }).waitFor();
      await button.press("Enter");
      await page.locator("#load-chart .band").waitFor({ state: "attached" });
      await page.locator("#latency-chart .band").waitFor({ state: "attached" });
      const incident = page.locator("#incident-list li").first();
      await incident.getByText("Still on.").waitFor();
      expect(await button.innerText()).toBe("Restart Redis");
      // The focus stays where it is while the button changes.
      await button.press("Enter");
      await incident.getByText("all worked again 0.0 s later").waitFor();
      expect(await incident.innerText()).toMatch(
        /^Kill Redis \d\d:\d\d:\d\d: (?:no request failed|no requests were seen|3 of)/,
      );
      await page.locator("#tab-events").click();
      await page.locator("#event-rows", { hasText: "an operator started: Kill Redis" }).waitFor();
    });
  });

  it("shows the same requests in another system", async () => {
    const seconds = Array.from({ length: 60 }, (_, at) => (at < 30 ? null : 240));
    const comparison = {
      label: "the packages off",
      here: { requests: 900, failed: 0, p99: 9 },
      there: { requests: 900, failed: 31, p99: 240 },
      p99BySecond: seconds,
    };
    await visit(async (page) => {
      expect(await page.locator("#comparison").isVisible()).toBe(false);
      source.data = { ...busyMinute, comparison };
      await page
        .getByText(
          "The same requests with the packages off: p99 240 ms, 31 of 900 failed. Here: p99 9 ms, none of 900 failed.",
        )
        .waitFor();
      expect(await page.locator("#latency-chart .there").count()).toBe(1);
    });
  });

  it("says that a caller may not act", async () => {
    if (launch.is === "missing") throw new Error(launch.reason);
    // Without the checks of `visit`: the browser logs the refusal.
    const page = await launch.browser.newPage();
    await page.goto(url);
    mayAct = false;
    await page.locator("#action-buttons button").nth(1).click();
    await page.getByText("This needs the right of an operator.").waitFor();
    mayAct = true;
    await page.close();
  });

  it("runs no markup of a tenant's name", async () => {
    await visit(async (page) => {
      expect(await page.locator("#busiest").innerText()).toContain("<img src=x");
      await page.locator("#tab-cache").click();
      await page.locator("#section", { hasText: "<img src=x" }).waitFor();
      expect(await page.title()).toBe("Example CRM");
      expect(await page.locator("main img").count()).toBe(0);
    });
  });

  it("is used by keyboard: tabs by arrows, each with an address of its own", async () => {
    await visit(async (page) => {
      await page.locator("#tab-overview").focus();
      await page.keyboard.press("ArrowRight");
      await page.locator("#tenants").waitFor();
      expect(page.url()).toBe(`${url}#/tenants`);
      await page.keyboard.press("ArrowRight");
      await page.locator("#section", { hasText: "Hit ratio" }).waitFor();
      await page.keyboard.press("ArrowRight");
      await page.locator("#events").waitFor();
      await page.keyboard.press("ArrowRight");
      await page.locator("#overview").waitFor();
      await page.locator("#pause").press("Enter");
      expect(await page.locator("#status").innerText()).toBe("Paused.");
    });
  });

  it("shows a tenant with its last decisions, from the list and by search", async () => {
    await visit(async (page) => {
      const decision = { allowed: false, violated: ["tenant-second"] };
      channel("scale:rate-limit:request-decide").publish({ tenantId: "amber-labs", decision });
      await page.locator("#busiest a", { hasText: "amber-labs" }).click();
      await page.locator("#tenant", { hasText: "amber-labs was denied by tenant-second" }).waitFor();
      expect(await page.locator("#tenant").innerText()).toContain("500 in 15 min");
      await page.locator("#search-text").fill("cedar");
      await page.locator("#search-text").press("Enter");
      await page.locator("#found a", { hasText: "cedar-labs" }).click();
      await page.locator("#tenant h2", { hasText: "cedar-labs (pro)" }).waitFor();
      await page.locator("#tab-events").click();
      await page.locator("#event-rows", { hasText: "amber-labs was denied by tenant-second" }).waitFor();
    });
  });

  it.each([
    [1280, 800, "light"],
    [1280, 800, "dark"],
    [375, 812, "light"],
    [375, 812, "dark"],
  ] as const)("fits into %i × %i, %s, and axe finds nothing", async (width, height, colorScheme) => {
    await visit(
      async (page) => {
        // As text of the test: the policy of the page allows no foreign script in it.
        await page.evaluate(await readFile(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8"));
        for (const tab of ["overview", "tenants", "cache", "events"]) {
          await page.locator(`#tab-${tab}`).click();
          await page.locator(tab === "cache" ? "#section" : `#${tab}`).waitFor();
          const wide = await page.evaluate("document.documentElement.scrollWidth");
          expect(wide).toBeLessThanOrEqual(width);
          if (SHOTS !== undefined) await page.screenshot({ path: `${SHOTS}/${tab}-${width}-${colorScheme}.png` });
          const { violations } = await page.evaluate<AxeResults>("axe.run()");
          expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
        }
      },
      { width, height, colorScheme },
    );
  });

  it("has a header for each row and column, a caption for each table, and one heading of the page", async () => {
    await visit(async (page) => {
      expect(await page.locator("table:not(:has(caption))").count()).toBe(0);
      expect(await page.locator("th:not([scope])").count()).toBe(0);
      expect(await page.locator("h1").count()).toBe(1);
      expect(await page.locator("[role=tab]:not([aria-controls])").count()).toBe(0);
      await page.locator("summary").click();
      await page.locator("#seconds tr").nth(59).waitFor();
      expect(await page.locator("#seconds tr").first().innerText()).toMatch(/^1\s/);
    });
  });

  it("is typed against the data that it gets", () => {
    const project = new URL("../page/tsconfig.json", import.meta.url).pathname;
    const tsc = new URL("../../../node_modules/typescript/bin/tsc", import.meta.url).pathname;
    execFileSync(process.execPath, [tsc, "-p", project], { encoding: "utf8" });
  });
});
