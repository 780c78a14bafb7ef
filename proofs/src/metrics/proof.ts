import { setTimeout as sleep } from "node:timers/promises";
import { findProgram, type Line, type SectionOptions, startPrometheus } from "@scale/testkit";
import { line } from "../bound.js";
import { otlp } from "./otlp.js";
import { exactQuantiles, observeAll, PROOF_METRIC, QUANTILES } from "./quantiles.js";
import { sentry } from "./sentry.js";
import { liveOn, startStage, watchAll } from "./stage.js";
import { statsd } from "./statsd.js";
import { dashboards } from "@scale/metrics/catalogue";

/** Do other systems read what was recorded: Prometheus in text and protobuf, over OTLP, StatsD, Sentry? */
export async function* metrics(options: SectionOptions): AsyncIterable<Line> {
  const found = findProgram("prometheus");
  if (found.is === "missing")
    yield { proof: "metrics: Prometheus", outcome: found.reason, bound: "found", pass: false };
  else {
    yield* scraped(options);
    yield* otlp(options);
  }
  yield* statsd(options);
  yield* sentry(options);
}

async function* scraped({ smoke }: SectionOptions): AsyncIterable<Line> {
  const stage = await startStage();
  // In the short form too: with fewer values the exact quantile itself is far from its neighbours.
  const exact = observeAll(stage.metrics, 20_000);
  watchAll(stage.metrics);
  const job = { target: stage.target, path: "/api/metrics" };
  const prometheus = await startPrometheus({
    jobs: [
      { name: "text", ...job, protocol: "PrometheusText0.0.4" },
      { name: "openmetrics", ...job, protocol: "OpenMetricsText1.0.0" },
      { name: "protobuf", ...job, protocol: "PrometheusProto" },
    ],
  });
  try {
    for (let round = 0; round < (smoke ? 30 : 80); round++) {
      liveOn(stage.metrics, round);
      await sleep(200);
    }
    const up = await prometheus.query("sum(up)");
    yield line({
      proof: "metrics: protocols that Prometheus scrapes without an error",
      unit: "jobs",
      value: up[0]?.value ?? 0,
      bound: { atLeast: 3 },
    });
    for (const [job, form] of [
      ["protobuf", "native"],
      ["text", "classic"],
    ] as const) {
      const worst = await worstError(prometheus.query, { job, form, exact });
      yield line({
        proof: `metrics: histogram_quantile of 8 distributions, ${job}, worst error`,
        unit: "%",
        value: worst * 100,
        bound: { atMost: 5 },
      });
    }
    // Traffic goes on: quantiles of a rate of zero are no numbers.
    let round = 1000;
    yield* await answered(async (expr) => {
      liveOn(stage.metrics, round++);
      return prometheus.query(expr);
    });
  } finally {
    await prometheus.stop();
    await stage.stop();
  }
}

type Query = Awaited<ReturnType<typeof startPrometheus>>["query"];

interface Asked {
  readonly job: string;
  readonly form: "native" | "classic";
  readonly exact: ReturnType<typeof exactQuantiles>;
}

async function worstError(query: Query, { job, form, exact }: Asked): Promise<number> {
  let worst = 0;
  for (const [at, q] of QUANTILES.entries()) {
    const source =
      form === "native"
        ? `sum by (tenant) (${PROOF_METRIC}{job="${job}"})`
        : `sum by (tenant, le) (${PROOF_METRIC}_bucket{job="${job}"})`;
    const found = new Map(
      (await query(`histogram_quantile(${q}, ${source})`)).map(({ labels, value }) => [labels["tenant"], value]),
    );
    for (const [tenant, values] of exact) {
      const expected = values[at] ?? Number.NaN;
      const error = Math.abs((found.get(tenant) ?? Number.NaN) - expected) / expected;
      worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
    }
  }
  return worst;
}

/** Evaluates every query of every dashboard. */
async function answered(query: Query): Promise<Line[]> {
  const exprs = dashboards.flatMap(({ panels }) => panels.flatMap(({ queries }) => queries.map(({ expr }) => expr)));
  const empty: string[] = [];
  for (const expr of exprs) {
    const found = await query(expr.replaceAll("$__rate_interval", "20s"));
    if (!found.some(({ value }) => Number.isFinite(value))) empty.push(expr);
  }
  if (empty.length > 0) console.error(`without data:\n${empty.join("\n")}`);
  return [
    line({ proof: "metrics: queries of dashboards", unit: "queries", value: exprs.length, bound: { atLeast: 50 } }),
    line({
      proof: "metrics: queries of dashboards without data",
      unit: "queries",
      value: empty.length,
      bound: { atMost: 0 },
    }),
  ];
}
