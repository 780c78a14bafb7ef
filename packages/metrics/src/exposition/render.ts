import type { Clock } from "@scale/core";
import type { Metric, Registry } from "../instruments/registry.js";
import { type ForeignMetric, foreignMessages, type ForeignSource, foreignText } from "./foreign.js";
import { seriesMessages, writeHead } from "./protobuf/metric-family.js";
import { ProtoWriter } from "./protobuf/writer.js";
import { createSlicer, type Slicer } from "./slices.js";
import { headOf, seriesText, type TextFormat } from "./text.js";

export type ExpositionFormat = TextFormat | "protobuf";

/** A rendered exposition. */
export interface Exposition {
  readonly contentType: string;
  readonly chunks: readonly Buffer[];
}

const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  protobuf: "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
};

/**
 * Length at which a part of the output becomes a chunk, in characters or bytes. Chunks are outside of the heap: strings of a
 * whole exposition would be copied by each garbage collection meanwhile, in one block of the event loop.
 */
const CHUNK = 16_384;

export interface RenderOptions {
  readonly registry: Registry;
  readonly foreign: readonly ForeignSource[];
  readonly sliceMs: number;
  readonly clock: Clock;
}

/**
 * Renders every metric in slices of the event loop. No tenant loses its series meanwhile, so that each event is in one
 * series. The output waits in memory: a client that reads slowly holds nothing but its own copy.
 */
export async function render(format: ExpositionFormat, options: RenderOptions): Promise<Exposition> {
  const { registry, foreign, sliceMs, clock } = options;
  registry.slots.turnWhenDue();
  const release = registry.slots.hold();
  const slicer = createSlicer(sliceMs, clock);
  const output = format === "protobuf" ? new ProtoOutput(registry, slicer) : new TextOutput(registry, slicer, format);
  try {
    // Metrics that appear during the rendering are in the next one.
    for (const metric of [...registry.metrics]) await output.own(metric);
    release();
    for (const source of foreign) await renderForeign(source(), registry, output);
    return { contentType: CONTENT_TYPES[format], chunks: output.end() };
  } finally {
    release();
  }
}

/** A name that we have is ours: a second metric of it would make the exposition invalid. */
async function renderForeign(source: AsyncIterable<ForeignMetric>, registry: Registry, output: Output): Promise<void> {
  for await (const metric of source) if (registry.find(metric.name) === undefined) await output.foreign(metric);
}

interface Output {
  own(metric: Metric): Promise<void>;
  foreign(metric: ForeignMetric): Promise<void>;
  end(): readonly Buffer[];
}

class TextOutput implements Output {
  readonly #registry: Registry;
  readonly #slicer: Slicer;
  readonly #format: TextFormat;
  readonly #chunks: Buffer[] = [];
  #text = "";

  constructor(registry: Registry, slicer: Slicer, format: TextFormat) {
    this.#registry = registry;
    this.#slicer = slicer;
    this.#format = format;
  }

  async own(metric: Metric): Promise<void> {
    const { slots, rows } = this.#registry;
    this.#text += headOf(metric, this.#format);
    await this.#write(seriesText(metric, { slots, rows, format: this.#format }));
  }

  async foreign(metric: ForeignMetric): Promise<void> {
    await this.#write(foreignText(metric, this.#format));
  }

  end(): Buffer[] {
    if (this.#format === "openmetrics") this.#text += "# EOF\n";
    this.#flush();
    return this.#chunks;
  }

  #flush(): void {
    this.#chunks.push(Buffer.from(this.#text));
    this.#text = "";
  }

  async #write(lines: Iterable<string>): Promise<void> {
    for (const line of lines) {
      this.#text += line;
      if (this.#text.length >= CHUNK) this.#flush();
      if (this.#slicer.isOver()) await this.#slicer.pause();
    }
  }
}

class ProtoOutput implements Output {
  readonly #registry: Registry;
  readonly #slicer: Slicer;
  readonly #writer = new ProtoWriter();
  readonly #chunks: Buffer[] = [];

  constructor(registry: Registry, slicer: Slicer) {
    this.#registry = registry;
    this.#slicer = slicer;
  }

  async own(metric: Metric): Promise<void> {
    const { slots, rows } = this.#registry;
    const { name, help, type } = metric.family.definition;
    writeHead(this.#writer, { name, help, type });
    await this.#family(seriesMessages(metric, this.#writer, { slots, rows }));
  }

  async foreign(metric: ForeignMetric): Promise<void> {
    await this.#family(foreignMessages(metric, this.#writer));
  }

  end(): Buffer[] {
    return this.#chunks;
  }

  /** Each family starts with its length, which is known at its end. */
  async #family(series: Iterable<void>): Promise<void> {
    const parts: Buffer[] = [];
    for (const _ of series) {
      if (this.#writer.length >= CHUNK) parts.push(this.#writer.take());
      if (this.#slicer.isOver()) await this.#slicer.pause();
    }
    parts.push(this.#writer.take());
    this.#writer.size(parts.reduce((sum, part) => sum + part.length, 0));
    this.#chunks.push(this.#writer.take(), ...parts);
  }
}
