import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../process/daemon.js";
import { makeTempFolder, removeTempFolder } from "../process/watchdog.js";
import { withFreePort } from "../process/with-free-port.js";
import { findProgram } from "../process/find-program.js";
import { ServerError } from "../server-error.js";

/** One series of the answer to a query. */
export interface QueryResult {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface PrometheusServer {
  readonly url: string;
  /** Evaluates PromQL now. Throws for an expression that is wrong. */
  query(expr: string): Promise<QueryResult[]>;
  output(): string;
  stop(): Promise<void>;
}

export interface PrometheusOptions {
  /** Addresses to scrape, by the name of their job: `{ demo: "127.0.0.1:3000" }`. */
  readonly targets?: Readonly<Record<string, string>>;
  /** Path of the targets. @default "/metrics" */
  readonly path?: string;
  /** Time between two scrapes. @default "1s" */
  readonly interval?: string;
  /** Protocol that is asked for first. @default "PrometheusText0.0.4" */
  readonly protocol?: "PrometheusProto" | "OpenMetricsText1.0.0" | "PrometheusText0.0.4";
}

/**
 * Starts a Prometheus with native histograms, exemplars and the OTLP receiver at `/api/v1/otlp/v1/metrics`.
 * @throws {ServerError} when there is none
 */
export async function startPrometheus(options: PrometheusOptions = {}): Promise<PrometheusServer> {
  const program = findProgram("prometheus");
  if (program.is === "missing") throw new ServerError(program.reason);
  const folder = makeTempFolder("prometheus");
  writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(configOf(options)));
  const started = await withFreePort(async (port) => {
    const args = [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--enable-feature=native-histograms,otlp-write-receiver,exemplar-storage",
    ];
    const daemon = await startDaemon(program.path, {
      args,
      ready: /Server is ready to receive web requests/,
      cwd: folder,
    });
    return { daemon, url: `http://127.0.0.1:${port}` };
  });
  const { daemon, url } = started;
  return {
    url,
    query: async (expr) => query(url, expr),
    output: daemon.output,
    async stop() {
      await daemon.stop("SIGKILL");
      await removeTempFolder(folder);
    },
  };
}

/** JSON is YAML too. */
function configOf({
  targets = {},
  path = "/metrics",
  interval = "1s",
  protocol = "PrometheusText0.0.4",
}: PrometheusOptions) {
  return {
    global: { scrape_interval: interval, scrape_timeout: interval, scrape_protocols: [protocol] },
    scrape_configs: Object.entries(targets).map(([job, target]) => ({
      ...{ job_name: job, metrics_path: path, scrape_classic_histograms: true },
      static_configs: [{ targets: [target] }],
    })),
  };
}

async function query(url: string, expr: string): Promise<QueryResult[]> {
  const response = await fetch(`${url}/api/v1/query`, { method: "POST", body: new URLSearchParams({ query: expr }) });
  const answer = (await response.json()) as {
    readonly status: string;
    readonly error?: string;
    readonly data?: { readonly result: readonly { metric: Record<string, string>; value?: [number, string] }[] };
  };
  if (answer.status !== "success") throw new Error(`${expr}: ${answer.error}`);
  return (answer.data?.result ?? []).map(({ metric, value }) => ({ labels: metric, value: Number(value?.[1]) }));
}
