import { execFileSync } from "node:child_process";
import { channel } from "node:diagnostics_channel";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type BrowserLaunch, launchBrowser } from "@scale/testkit/browser";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { busyMinute, createSource, tenant } from "../test/source.js";
import { createDashboard, type Dashboard } from "./dashboard.js";
import { dashboardRoutes } from "./express.js";

const source = createSource();
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
    dashboard = createDashboard({ source, authorize: () => true, everyMs: 100, title: "Example CRM" });
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
      expect(await page.locator("#story").innerText()).toMatch(
        /^delta-labs sends 10 times as much .* no other tenant suffers/,
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
      expect(await page.locator("#load-chart rect").count()).toBe(180);
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
  ] as const)("fits into %i × %i, %s", async (width, height, colorScheme) => {
    await visit(
      async (page) => {
        for (const tab of ["overview", "tenants", "cache", "events"]) {
          await page.locator(`#tab-${tab}`).click();
          await page.locator(tab === "cache" ? "#section" : `#${tab}`).waitFor();
          const wide = await page.evaluate("document.documentElement.scrollWidth");
          expect(wide).toBeLessThanOrEqual(width);
          if (SHOTS !== undefined) await page.screenshot({ path: `${SHOTS}/${tab}-${width}-${colorScheme}.png` });
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
