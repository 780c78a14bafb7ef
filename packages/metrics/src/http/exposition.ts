import { Readable } from "node:stream";
import { constants, createGzip } from "node:zlib";
import type { ExpositionFormat } from "../exposition/render.js";
import type { Metrics } from "../types.js";

/** A response with a body that is sent piece by piece. */
export interface StreamedReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

/**
 * Chooses the format by the `Accept` header: protobuf with native histograms, OpenMetrics with exemplars, or text for
 * everything else.
 */
export function formatFor(accept: string | undefined): ExpositionFormat {
  const ranges = (accept ?? "").split(",").map(parseRange);
  const best = (type: string, needs = ""): number =>
    Math.max(
      0,
      ...ranges.filter((range) => range.type === type && range.rest.includes(needs)).map(({ weight }) => weight),
    );
  const text = Math.max(best("text/plain"), best("text/*"), best("*/*"));
  const openmetrics = best("application/openmetrics-text");
  const protobuf = best("application/vnd.google.protobuf", "io.prometheus.client.metricfamily");
  if (protobuf > 0 && protobuf >= openmetrics && protobuf >= text) return "protobuf";
  return openmetrics > 0 && openmetrics >= text ? "openmetrics" : "text";
}

function parseRange(range: string): { type: string; rest: string; weight: number } {
  const [type = "", ...parameters] = range.trim().toLowerCase().split(";");
  const rest = parameters.map((parameter) => parameter.trim());
  const q = rest.find((parameter) => parameter.startsWith("q="))?.slice(2);
  const weight = q === undefined ? 1 : Number(q);
  return { type: type.trim(), rest: rest.join(";"), weight: weight >= 0 && weight <= 1 ? weight : 0 };
}

/** Renders the metrics for a request. With `gzip` in `Accept-Encoding` the body is compressed, outside of the event loop. */
export async function expositionReply(
  metrics: Metrics,
  header: (name: string) => string | undefined,
): Promise<StreamedReply> {
  const exposition = await metrics.render(formatFor(header("accept")));
  const headers = {
    "content-type": exposition.contentType,
    "cache-control": "no-store",
    vary: "accept, accept-encoding",
  };
  const source = Readable.from(exposition.chunks, { objectMode: false });
  if (!acceptsGzip(header("accept-encoding"))) return { status: 200, headers, body: source };
  const gzip = createGzip({ level: constants.Z_BEST_SPEED });
  source.on("error", (error) => gzip.destroy(error)).pipe(gzip);
  // A client that disconnects destroys the body: the source must not wait for it.
  gzip.once("close", () => source.destroy());
  return { status: 200, headers: { ...headers, "content-encoding": "gzip" }, body: gzip };
}

const acceptsGzip = (encodings = ""): boolean =>
  encodings
    .toLowerCase()
    .split(",")
    .map(parseRange)
    .some(({ type, weight }) => type === "gzip" && weight > 0);
