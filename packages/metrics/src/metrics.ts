import { parseOptions } from "@scale/core/kit";
import { defineCatalogue, feedCatalogue } from "./catalogue/feed.js";
import { catalogue } from "./catalogue/rows.js";
import { Collectors } from "./collectors.js";
import { DeltaReader, type MetricsReader } from "./deltas/delta-reader.js";
import { mergeMessage, takeMessage } from "./deltas/transfer.js";
import { feedFail, problemEnd, problemStart, sinkFail } from "./events.js";
import { type Exposition, type ExpositionFormat, render } from "./exposition/render.js";
import { createSlicer, type Slicer } from "./exposition/slices.js";
import { exemplarSource } from "./instruments/exemplar.js";
import { familyOf } from "./instruments/family-of.js";
import { Registry } from "./instruments/registry.js";
import type { GaugeSeries } from "./instruments/series.js";
import { type MetricsOptions, optionsSchema, type ParsedOptions } from "./options.js";
import { promClientSource } from "./prom-client/include.js";
import { createRecorders } from "./record/recorders.js";
import { RequestRecorder } from "./record/requests.js";
import { runSinks } from "./sink-runner.js";
import { snapshotOf } from "./snapshot.js";
import { ProblemDetector } from "./summary/problems.js";
import { SummaryReader } from "./summary/summary.js";
import type { Problem, RecentTenant } from "./summary/types.js";
import { createTenantMetrics } from "./tenants/tenant-metrics.js";
import { TenantSlots } from "./tenants/tenant-slots.js";
import type { Metrics } from "./types.js";
import { createWatches } from "./watch/packages.js";
import { watchProcess } from "./watch/process.js";

/**
 * Creates the metrics of a process: the catalogue of every `@scale` package, which subscribes to their events, and the
 * application's own. No timer runs, except those of sinks.
 * @throws {ConfigError} with the name of the wrong option
 */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  const parsed = parseOptions(optionsSchema, options, "createMetrics");
  const registry = createRegistry(parsed);
  const collectors = new Collectors(reportFeed);
  defineCatalogue(registry, catalogue);
  const requests = new RequestRecorder(registry);
  const state = createState(registry, requests, parsed);
  collectors.add("problems", () => state.lookInSlices(createSlicer(parsed.sliceMs, parsed.clock)));
  const slicer = () => createSlicer(parsed.sliceMs, parsed.clock);
  const collect = () => collectors.run();
  // Before the subscriptions: the caller could not end them when a sink does not start.
  const closeSinks = runSinks(parsed.sinks, { registry, slicer, collect, onFail: reportSink });
  const ends = [
    ...(parsed.events ? [feedCatalogue(registry, catalogue, reportFeed)] : []),
    ...(parsed.process ? [startProcess(registry, collectors)] : []),
  ];
  let reader: DeltaReader | undefined;
  let closed: Promise<void> | undefined;
  return {
    counter: (options) => registry.counter(options),
    gauge: (options) => registry.gauge(options),
    histogram: (options) => registry.histogram(options),
    tenants: createTenantMetrics(registry),
    record: { ...createRecorders(registry), request: (request) => requests.record(request) },
    watch: createWatches(registry, collectors.add),
    onCollect: collectors.add,
    render: createRenderer(registry, parsed, collect),
    summary: state.summary,
    tenant: state.tenant,
    problems: state.problems,
    definition: (name) => registry.find(name)?.family.definition,
    onDefine: (listener) => registry.onDefine(listener),
    async snapshot(name) {
      await collect();
      const metric = registry.find(name);
      return metric && snapshotOf(metric, registry, slicer());
    },
    reader: () => openReader(registry, collect),
    takeDelta: () => takeMessage((reader ??= new DeltaReader(registry))),
    merge: (delta) => mergeMessage(registry, delta),
    close: () =>
      (closed ??= closeSinks().finally(() => {
        for (const end of ends) end();
        reader?.close();
      })),
  };
}

function createRegistry({ tenants, clock, maxLabelSets, exemplar }: ParsedOptions): Registry {
  const { max, window: windowMs, hysteresis } = tenants;
  const slots = new TenantSlots({ max, windowMs, hysteresis, clock });
  return new Registry({ slots, maxLabelSets, exemplarOf: exemplar && exemplarSource(exemplar, clock) });
}

function openReader(registry: Registry, collect: () => Promise<void>): MetricsReader {
  const reader = new DeltaReader(registry);
  return { collect, read: (names) => reader.read(names), close: () => reader.close() };
}

/** Summary, tenants and problems, which share the memory of the problems. */
function createState(registry: Registry, requests: RequestRecorder, { problems: options, clock }: ParsedOptions) {
  const reader = new SummaryReader(registry, requests);
  const detector = new ProblemDetector(options);
  const gauge = familyOf<GaugeSeries>(registry, "scale_tenant_problems");
  function look(tenants: readonly RecentTenant[]): readonly Problem[] {
    const { all, started, ended } = detector.look(tenants, clock.now());
    for (const kind of ["errors", "slow"])
      gauge.bind({ kind }).set(all.filter((problem) => problem.kind === kind).length);
    for (const problem of started) problemStart.publish(() => problem);
    for (const problem of ended) problemEnd.publish(() => problem);
    return all;
  }
  return {
    summary() {
      const tenants = reader.tenants();
      return { at: clock.now(), total: reader.total(), tenants, other: reader.other(), problems: look(tenants) };
    },
    tenant: (tenantId: string) => reader.tenant(tenantId),
    problems: () => look([...reader.recent(options.minRequests)]),
    async lookInSlices(slicer: Slicer): Promise<void> {
      const found: RecentTenant[] = [];
      for (const tenant of reader.recent(options.minRequests)) {
        found.push(tenant);
        if (slicer.isOver()) await slicer.pause();
      }
      look(found);
    },
  };
}

function createRenderer(
  registry: Registry,
  { registry: promClient, sliceMs, clock }: ParsedOptions,
  collect: () => Promise<void>,
): Metrics["render"] {
  const foreign =
    promClient === undefined ? [] : [promClientSource(promClient, (error) => reportFeed("prom-client", error))];
  // Scrapes that overlap share one rendering, so that many of them cost no more than one.
  const running = new Map<ExpositionFormat, Promise<Exposition>>();
  return (format = "text") => {
    const known = running.get(format);
    if (known !== undefined) return known;
    const started = collect()
      .then(() => render(format, { registry, foreign, sliceMs, clock }))
      .finally(() => running.delete(format));
    running.set(format, started);
    return started;
  };
}

function startProcess(registry: Registry, collectors: Collectors): () => void {
  const { collect, stop } = watchProcess(registry);
  collectors.add("process", collect);
  return stop;
}

const reportSink = (sink: string, error: unknown): void => sinkFail.publish(() => ({ sink, error }));

function reportFeed(source: string, error: unknown): void {
  // A failure of the subscriber to this very event is not published: it would never end.
  if (source !== feedFail.name) feedFail.publish(() => ({ source, error }));
}
