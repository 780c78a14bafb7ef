import { setTimeout as sleep } from "node:timers/promises";
import { type Line, startRedis, waitUntil } from "@scale/testkit";
import { launchBrowser } from "@scale/testkit/browser";
import { EventSource } from "eventsource";
import { Receipts } from "./client.js";
import { startCutter } from "./cutter.js";
import { count } from "./drops.js";
import { openStage } from "./processes.js";

const QUERY = "topic=a&topic=b";
const CUTS = 5;
const PER_CUT = 20;

/** Event sources that are not ours, whose connections are cut again and again. */
export async function* eventSources(): AsyncIterable<Line> {
  yield* judged("EventSource of the npm package eventsource", async (url, receipts) => {
    const source = new EventSource(url);
    source.addEventListener("message", ({ data }) =>
      receipts.take((JSON.parse(String(data)) as { data: number }).data),
    );
    source.addEventListener("reset", () => receipts.reset());
    return () => source.close();
  });
  const launch = await launchBrowser();
  if (launch.is === "missing") {
    process.emitWarning(`the part of the proof with a browser is left out: ${launch.reason}`);
    return;
  }
  try {
    const page = await launch.browser.newPage();
    yield* judged("EventSource of Chromium", async (url, receipts) => {
      await page.exposeFunction("take", (n: number) => receipts.take(n));
      await page.exposeFunction("reset", () => receipts.reset());
      await page.evaluate(READ_STREAM, url);
      return () => page.close();
    });
  } finally {
    await launch.close();
  }
}

/** Runs in the page. As text, because the types of this file are those of Node. */
const READ_STREAM = `(url) => {
  const source = new EventSource(url);
  source.addEventListener("message", ({ data }) => window.take(JSON.parse(data).data));
  source.addEventListener("reset", () => window.reset());
}`;

type Open = (url: string, receipts: Receipts) => Promise<() => unknown>;

async function* judged(what: string, open: Open): AsyncIterable<Line> {
  const redis = await startRedis();
  const stage = await openStage(redis.url);
  const cutter = await startCutter(stage.urls);
  const receipts = new Receipts();
  const close = await open(`${cutter.url}/?${QUERY}`, receipts);
  try {
    const events = CUTS * PER_CUT;
    await waitUntil(() => cutter.connections > 0, { what: "the first connection" });
    await sleep(300);
    for (let n = 0; n < events; n++) {
      // Right before an event, so that the client misses the rest of the part.
      if (n % PER_CUT === PER_CUT / 2) cutter.cut();
      await stage.publish(n);
      await sleep(20);
    }
    await waitUntil(() => receipts.last === events - 1, { what: "the last event", timeoutMs: 20_000 }).catch(
      () => undefined,
    );
    receipts.end(events);
    yield count(`${what}, cut ${CUTS} times: connections`, cutter.connections, { atLeast: CUTS + 1 });
    yield count(`${what}, cut ${CUTS} times: received`, receipts.received, { atLeast: events });
    const wrong = receipts.lost + receipts.duplicated + receipts.outOfOrder + receipts.resets;
    yield count(`${what}, cut ${CUTS} times: lost, duplicated or out of order`, wrong, { atMost: 0 });
  } finally {
    await close();
    await cutter.close();
    await stage.close();
    await redis.stop();
  }
}
