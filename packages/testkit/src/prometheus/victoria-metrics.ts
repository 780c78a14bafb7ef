import { startDaemon } from "../process/daemon.js";
import { findProgram } from "../process/find-program.js";
import { makeTempFolder, removeTempFolder } from "../process/watchdog.js";
import { withFreePort } from "../process/with-free-port.js";
import { ServerError } from "../server-error.js";
import { queryInstant, type QueryResult } from "./query.js";

export interface VictoriaMetricsServer {
  /** Receiver of OTLP in protobuf. */
  readonly otlpUrl: string;
  /** Evaluates MetricsQL now. Throws for an expression that is wrong. */
  query(expr: string): Promise<QueryResult[]>;
  stop(): Promise<void>;
}

/**
 * Starts a VictoriaMetrics.
 * @throws {ServerError} when there is none
 */
export async function startVictoriaMetrics(): Promise<VictoriaMetricsServer> {
  const program = findProgram("victoria-metrics");
  if (program.is === "missing") throw new ServerError(program.reason);
  const folder = makeTempFolder("victoria-metrics");
  const { daemon, url } = await withFreePort(async (port) => {
    const url = `http://127.0.0.1:${port}`;
    const args = [`-storageDataPath=${folder}/data`, `-httpListenAddr=127.0.0.1:${port}`, "-search.latencyOffset=0s"];
    const ready = async (): Promise<boolean> => (await fetch(`${url}/health`)).ok;
    return { daemon: await startDaemon(program.path, { args, ready, cwd: folder }), url };
  });
  return {
    otlpUrl: `${url}/opentelemetry/v1/metrics`,
    query: async (expr) => queryInstant(`${url}/prometheus`, expr),
    async stop() {
      await daemon.stop("SIGKILL");
      await removeTempFolder(folder);
    },
  };
}
