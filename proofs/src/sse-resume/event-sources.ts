import { setTimeout as sleep } from "node:timers/promises";
import { type Line, startRedis, waitUntil } from "@scale/testkit";
import { launchBrowser } from "@scale/testkit/browser";
import { EventSource } from "eventsource";
import { Receipts } from "./client.js";
import { type Cutter, startCutter } from "./cutter.js";
import { count } from "./drops.js";
import { openStage, type Stage } from "./processes.js";

const QUERY = "topic=a&topic=b";
const CUTS = 5;
const PER_CUT = 20;

/** Event sources that are not ours, whose connections are cut again and again. */
export async function* eventSources(): AsyncIterable<Line> {
  yield* judged("EventSource of the npm package eventsource", async ({ url, receipts }) => {
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
    yield* judged("EventSource of Chromium", async ({ url, origin, receipts }) => {
      await page.goto(`${origin}/page`);
      await page.exposeFunction("take", (n: number) => receipts.take(n));
      await page.exposeFunction("reset", () => receipts.reset());
      await page.evaluate(`(${READ_STREAM})(${JSON.stringify(url)})`);
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

interface Opening {
  /** URL of the stream, through the proxy that cuts. */
  readonly url: string;
  /** URL of a process. */
  readonly origin: string;
  readonly receipts: Receipts;
}

type Open = (opening: Opening) => Promise<() => unknown>;

async function* judged(what: string, open: Open): AsyncIterable<Line> {
  const redis = await startRedis();
  const stage = await openStage(redis.url);
  const cutter = await startCutter(stage.urls);
  const receipts = new Receipts();
  const opening = { url: `${cutter.url}/?${QUERY}`, origin: stage.urls[0] ?? "", receipts };
  const close = await open(opening);
  try {
    await publishThroughCuts(stage, cutter);
    const events = CUTS * PER_CUT;
    const isComplete = (): boolean => receipts.last === events - 1;
    await waitUntil(isComplete, { what: "the last event", timeoutMs: 20_000 }).catch(() => undefined);
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

async function publishThroughCuts(stage: Stage, cutter: Cutter): Promise<void> {
  for (let part = 0; part < CUTS; part++) {
    await waitUntil(() => cutter.connections > part, { what: `connection ${part + 1}`, timeoutMs: 30_000 });
    // The connection has to become a stream first.
    await sleep(300);
    for (let n = part * PER_CUT; n < (part + 1) * PER_CUT; n++) {
      // Halfway, so that the client misses the other half.
      if (n % PER_CUT === PER_CUT / 2) cutter.cut();
      await stage.publish(n);
      await sleep(2);
    }
  }
}
