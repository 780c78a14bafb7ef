import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../process/daemon.js";
import { makeTempFolder, removeTempFolder } from "../process/watchdog.js";
import { withFreePort } from "../process/with-free-port.js";
import { findProgram } from "../process/find-program.js";
import { ServerError } from "../server-error.js";
import { queryInstant, type QueryResult } from "./query.js";

export interface PrometheusServer {
  readonly url: string;
  /** Evaluates PromQL now. Throws for an expression that is wrong. */
  query(expr: string): Promise<QueryResult[]>;
  output(): string;
  stop(): Promise<void>;
}

export interface PrometheusOptions {
  readonly jobs?: readonly ScrapeJob[];
}

/** A target that is scraped every second. */
export interface ScrapeJob {
  readonly name: string;
  /** Address: `127.0.0.1:3000`. */
  readonly target: string;
  readonly path: string;
  readonly protocol: "PrometheusProto" | "OpenMetricsText1.0.0" | "PrometheusText0.0.4";
}

/**
 * Starts a Prometheus with native histograms and exemplars.
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
      "--enable-feature=native-histograms,exemplar-storage",
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
    query: async (expr) => queryInstant(url, expr),
    output: daemon.output,
    async stop() {
      await daemon.stop("SIGKILL");
      await removeTempFolder(folder);
    },
  };
}

/** JSON is YAML too. */
function configOf({ jobs = [] }: PrometheusOptions) {
  return {
    global: { scrape_interval: "1s", scrape_timeout: "1s" },
    scrape_configs: jobs.map(({ name, target, path, protocol }) => ({
      ...{ job_name: name, metrics_path: path, scrape_protocols: [protocol] },
      static_configs: [{ targets: [target] }],
    })),
  };
}
