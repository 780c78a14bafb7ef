import { constants, monitorEventLoopDelay, PerformanceObserver, performance } from "node:perf_hooks";
import { familyOf } from "../instruments/family-of.js";
import type { Registry } from "../instruments/registry.js";
import type { CounterSeries, GaugeSeries, HistogramSeries } from "../instruments/series.js";

const RESOLUTION_MS = 10;
const GC_KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: "major",
  [constants.NODE_PERFORMANCE_GC_MINOR]: "minor",
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: "incremental",
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: "weak-callbacks",
};

export interface ProcessWatch {
  /** Reads the process before an exposition. */
  collect(): void;
  stop(): void;
}

/** Records the event loop, garbage collection, memory and CPU of this process. No timer of ours runs for it. */
export function watchProcess(registry: Registry): ProcessWatch {
  const delay = watchEventLoop(registry);
  const gc = watchGc(registry);
  const memory = familyOf<GaugeSeries>(registry, "scale_process_memory_bytes");
  const cpu = familyOf<CounterSeries>(registry, "scale_process_cpu_seconds_total");
  const started = familyOf<GaugeSeries>(registry, "scale_process_start_time_seconds");
  started.bind({}).set(performance.timeOrigin / 1000);
  let last = { user: 0, system: 0 };
  return {
    collect() {
      delay.collect();
      for (const [kind, bytes] of Object.entries(process.memoryUsage())) memory.bind({ kind }).set(Number(bytes));
      const now = process.cpuUsage();
      cpu.bind({ mode: "user" }).inc((now.user - last.user) / 1e6);
      cpu.bind({ mode: "system" }).inc((now.system - last.system) / 1e6);
      last = now;
    },
    stop() {
      delay.stop();
      gc.stop();
    },
  };
}

function watchEventLoop(registry: Registry): ProcessWatch {
  const delays = familyOf<HistogramSeries>(registry, "scale_process_event_loop_delay_seconds").bind({});
  const utilization = familyOf<GaugeSeries>(registry, "scale_process_event_loop_utilization_ratio").bind({});
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  monitor.enable();
  let before = performance.eventLoopUtilization();
  return {
    collect() {
      takeDelays(monitor, delays);
      const now = performance.eventLoopUtilization();
      utilization.set(performance.eventLoopUtilization(now, before).utilization);
      before = now;
    },
    stop: () => void monitor.disable(),
  };
}

/** Adds the delays since the last reading, from the histogram that Node keeps: its percentiles say how many were how long. */
function takeDelays(monitor: ReturnType<typeof monitorEventLoopDelay>, delays: HistogramSeries): void {
  const { count } = monitor;
  let seen = 0;
  for (const [percentile, nanoseconds] of monitor.percentiles) {
    const here = Math.round((count * percentile) / 100) - seen;
    const seconds = Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000);
    delays.observeMany(seconds, Math.max(0, here));
    seen += Math.max(0, here);
  }
  monitor.reset();
}

function watchGc(registry: Registry): { stop(): void } {
  const pauses = familyOf<HistogramSeries>(registry, "scale_process_gc_duration_seconds");
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const kind = (entry as { readonly detail?: { readonly kind?: number } }).detail?.kind ?? 0;
      pauses.bind({ kind: GC_KINDS[kind] ?? "other" }).observe(entry.duration / 1000);
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  return { stop: () => observer.disconnect() };
}
