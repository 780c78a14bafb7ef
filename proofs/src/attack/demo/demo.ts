import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, type Line, percentile, startLoad } from "@scale/testkit";
import { line } from "../../bound.js";
import { ATTACKS, type Gain } from "./attacks.js";
import { clientAt, type Reply } from "./client.js";
import { startTarget, type Target } from "./target.js";

const REQUESTS_PER_SECOND = 60;
/** On the largest plan, so that no limit denies the honest load. */
const TENANTS = ["amber", "fjord"].flatMap((first) =>
  ["foods", "motors", "studio"].map((second) => `${first}-${second}`),
);

/** Do honest tenants notice that others attack the example, and do the attackers gain anything? */
export async function* demo({ calmMs, attackMs }: { calmMs: number; attackMs: number }): AsyncIterable<Line> {
  const target = await startTarget();
  try {
    yield* attack(target, { calmMs, attackMs });
  } finally {
    await target.stop();
  }
}

async function* attack(
  target: Target,
  { calmMs, attackMs }: { readonly calmMs: number; readonly attackMs: number },
): AsyncIterable<Line> {
  const load = startLoad({
    ...{ url: `${target.url}/contacts?limit=5`, requestsPerSecond: REQUESTS_PER_SECOND },
    headers: (n) => ({ "x-tenant-id": TENANTS[n % TENANTS.length] ?? "", "x-user-id": `user-${n % 97}` }),
  });
  await sleep(Math.min(calmMs, 3000)); // The first requests compile code and open connections.
  const calmFrom = performance.now();
  await sleep(calmMs);
  const attackFrom = performance.now();
  const heard: Reply[] = [];
  const gains = await attackAll(target, attackMs, (reply) => void heard.push(reply));
  const attackTo = performance.now();
  const mixed = await readAsEach(target);
  await load.stop();
  const within = (from: number, to: number): Answer[] =>
    load.answers.filter(({ dueAt }) => dueAt >= from && dueAt < to);
  const [calm, attacked] = [within(calmFrom, attackFrom), within(attackFrom, attackTo)];
  const p99 = (answers: readonly Answer[]): number =>
    percentile(
      answers.map(({ latencyMs }) => latencyMs),
      0.99,
    );
  const failed = attacked.filter(({ status }) => status !== 200).length;
  const about = `attack: ${TENANTS.length} honest tenants, ${REQUESTS_PER_SECOND} requests/s`;
  yield line({ proof: `${about}, p99 when calm`, unit: "ms", value: p99(calm), bound: { atMost: 1000 } });
  yield line({
    ...{ proof: "attack: honest p99 under attack, of the calm one", unit: "times" },
    ...{ value: p99(attacked) / p99(calm), bound: { atMost: 1.5 } },
  });
  yield line({ proof: "attack: honest requests not served", unit: "requests", value: failed, bound: { atMost: 0 } });
  yield* judgeGains(gains);
  const leaked = sum(gains, ({ leaked = 0 }) => leaked) + mixed;
  yield line({ proof: "attack: answers with data of others", unit: "answers", value: leaked, bound: { atMost: 0 } });
  yield* judgeSecrets(target, heard);
}

const sum = (gains: readonly Gain[], of: (gain: Gain) => number): number =>
  gains.reduce((total, gain) => total + of(gain), 0);

async function attackAll(target: Target, ms: number, heard: (reply: Reply) => void): Promise<readonly Gain[]> {
  const end = performance.now() + ms;
  const until = (): boolean => performance.now() > end;
  return Promise.all(
    ATTACKS.map(async ({ run }, i) => {
      const client = clientAt(target.url, process.platform === "linux" ? `127.0.0.${66 + i}` : "127.0.0.1", heard);
      return run(client, until).finally(() => client.close());
    }),
  );
}

function* judgeGains(gains: readonly Gain[]): Iterable<Line> {
  for (const [i, { tried, passed = 0, leaked = 0 }] of gains.entries()) {
    const name = ATTACKS[i]?.name ?? "";
    yield line({ proof: `attack: ${name}, tried`, unit: "requests", value: tried, bound: { atLeast: 1 } });
    yield line({ proof: `attack: ${name}, gained`, unit: "answers", value: passed + leaked, bound: { atMost: 0 } });
  }
}

/** Reads as each honest tenant. @returns rows that belong to another one */
async function readAsEach(target: Target): Promise<number> {
  const client = clientAt(target.url, "127.0.0.1", () => undefined);
  let mixed = 0;
  for (const tenantId of TENANTS) {
    for (const path of ["/contacts", "/deals", "/invoices", "/tasks"]) {
      const { text } = await client.ask({ path, headers: { "x-tenant-id": tenantId } });
      mixed += [...text.matchAll(/"tenantId":"([^"]*)"/g)].filter(([, owner]) => owner !== tenantId).length;
    }
  }
  client.close();
  return mixed;
}

async function* judgeSecrets(target: Target, heard: readonly Reply[]): AsyncIterable<Line> {
  const holds = (text: string): boolean => target.secrets.some((secret) => text.includes(secret));
  const answers = heard.filter(({ text }) => holds(text)).length;
  const events = await target.leakingEvents();
  for (const [where, value] of [
    ["answers", answers],
    ["the log", holds(target.log()) ? 1 : 0],
    ["events", events.length],
  ] as const) {
    yield line({ proof: `attack: secrets in ${where}`, unit: "times", value, bound: { atMost: 0 } });
  }
}
