import { channel } from "node:diagnostics_channel";
import type { Clock } from "@scale/core";
import { inRootContext, parseOptions } from "@scale/core/kit";
import { drainEnd, drainStart } from "../events.js";
import { keepAliveFindings, raiseKeepAlive } from "./keep-alive.js";
import { type AttachOptions, attachSchema, type DeferOptions, deferSchema, type DrainOptions } from "./options.js";
import { signalSchema, startSchema, type StartOptions } from "./options.js";
import type { DrainReport, ResourceReport } from "./report.js";
import { Resources } from "./resources.js";
import { type HttpServerLike, ServerTracker } from "./server-tracker.js";
import { drainOnSignals, type SignalOptions } from "./signals.js";
import { createTimeBudget, pause, type TimeBudget, within } from "./time-budget.js";

/** The end of a process in order: no new work, the work in progress, then what it stands on. */
export interface Drain {
  /** True from the first moment of a drain on. */
  readonly isDraining: boolean;
  /**
   * Follows the requests of a server of `node:http`, `node:https` or `node:http2`, and sets its timeouts above those of the
   * balancer: see `raiseKeepAlive`. Attach it before it serves.
   */
  attach(server: HttpServerLike, options?: AttachOptions): void;
  /**
   * Attaches every HTTP server of this process at its first request: for Next, whose server the application does not get.
   * @returns a function that stops looking for servers
   */
  attachAll(options?: AttachOptions): () => void;
  /**
   * Closes a resource at the end of the drain. Resources are closed one after the other, the last one first: what was opened
   * on top of something else goes before it.
   * @param close is called once; what it throws, and a close that is late, are in the report and hold nothing up
   * @returns a function that takes the resource out again
   */
  defer(name: string, close: () => unknown, options?: DeferOptions): () => void;
  /**
   * Drains on SIGTERM and SIGINT, then ends the process. A second signal ends it at once.
   * @returns a function that takes the listeners off
   */
  onSignals(options?: SignalOptions): () => void;
  /**
   * Drains. A second call joins the first. Never rejects, and always ends: at the deadline what is left is cut off.
   */
  start(options?: StartOptions): Promise<DrainReport>;
  /** Settings of the attached servers that make a balancer answer 502. */
  findings(): string[];
}

interface DrainParts {
  readonly clock: Clock;
  /** Called when the requests have ended, before the resources are closed. */
  readonly onClosing: () => void;
}

interface Attached {
  readonly tracker: ServerTracker;
  readonly balancerIdleMs: number;
}

const REQUEST_START = "http.server.request.start";

export class Drainer implements Drain {
  readonly #options: Required<DrainOptions>;
  readonly #parts: DrainParts;
  readonly #attached = new Map<HttpServerLike, Attached>();
  readonly #streams = new Resources();
  readonly #resources = new Resources();
  #stage: "serving" | "draining" | "stopping" | "drained" = "serving";
  #draining: Promise<DrainReport> | undefined;

  constructor(options: Required<DrainOptions>, parts: DrainParts) {
    this.#options = options;
    this.#parts = parts;
  }

  get isDraining(): boolean {
    return this.#stage !== "serving";
  }

  attach(server: HttpServerLike, options: AttachOptions = {}): void {
    const { balancerIdleMs } = parseOptions(attachSchema, options, "drain.attach");
    raiseKeepAlive(server, balancerIdleMs);
    if (this.#attached.has(server)) return;
    const tracker = new ServerTracker(server);
    this.#attached.set(server, { tracker, balancerIdleMs });
    if (this.#stage === "draining") tracker.startClosing();
    else if (this.#stage !== "serving") void tracker.stop();
  }

  attachAll(options: AttachOptions = {}): () => void {
    parseOptions(attachSchema, options, "drain.attachAll");
    const requests = channel(REQUEST_START);
    const onRequest = (message: unknown): void => {
      const { server } = message as { readonly server: HttpServerLike };
      if (!this.#attached.has(server)) this.attach(server, options);
    };
    requests.subscribe(onRequest);
    return () => {
      requests.unsubscribe(onRequest);
    };
  }

  defer(name: string, close: () => unknown, options: DeferOptions = {}): () => void {
    const { stage, timeoutMs } = parseOptions(deferSchema, options, `drain.defer(${JSON.stringify(name)})`);
    const remove = (stage === "streams" ? this.#streams : this.#resources).add({ name, close, timeoutMs });
    // Opened by work that outlived the drain: there is no later moment to close it.
    if (this.#stage === "drained") void this.#closeRest();
    return remove;
  }

  onSignals(options: SignalOptions = {}): () => void {
    const parsed = parseOptions(signalSchema, options, "drain.onSignals");
    const { clock } = this.#parts;
    const start = (signal: string): Promise<DrainReport> =>
      this.start({ reason: signal, ...(signal !== "SIGTERM" && { delayMs: 0 }) });
    return drainOnSignals({ start, clock }, parsed);
  }

  start(options: StartOptions = {}): Promise<DrainReport> {
    const { reason, delayMs = this.#options.delayMs } = parseOptions(startSchema, options, "drain.start");
    this.#draining ??= inRootContext(() => this.#run(reason, delayMs));
    return this.#draining;
  }

  findings(): string[] {
    return [...this.#attached].flatMap(([server, { balancerIdleMs }]) =>
      keepAliveFindings(server, balancerIdleMs).map(({ message }) => message),
    );
  }

  async #run(reason: string, delayMs: number): Promise<DrainReport> {
    const budget = createTimeBudget(this.#options.deadlineMs, this.#parts.clock);
    this.#stage = "draining";
    drainStart.publish(() => ({ reason }));
    for (const tracker of this.#trackers()) tracker.startClosing();
    await pause(delayMs, budget);
    this.#stage = "stopping";
    const streams = await this.#endRequests(budget);
    const requestsAborted = this.#trackers().reduce((cut, tracker) => cut + tracker.destroy(), 0);
    this.#parts.onClosing();
    const closed = await this.#resources.closeInTurn(budget, this.#parts.clock);
    this.#stage = "drained";
    const resources = [...streams.resources, ...closed];
    const report: DrainReport = {
      reason,
      durationMs: Math.round(budget.elapsedMs()),
      requestsAborted,
      streamsEnded: streams.ended,
      resources,
      isClean: requestsAborted === 0 && resources.every(({ outcome }) => outcome === "closed"),
    };
    drainEnd.publish(() => report);
    return report;
  }

  /** Stops every server, ends the streams, and waits for the requests. */
  async #endRequests(budget: TimeBudget): Promise<{ ended: number; resources: ResourceReport[] }> {
    const stopped = Promise.all(this.#trackers().map((tracker) => tracker.stop()));
    // The application ends its streams first: it can tell clients when to come back.
    const resources = await this.#streams.closeTogether(budget.forRequestsMs(), this.#parts.clock);
    const ended = this.#trackers().reduce((count, tracker) => count + tracker.endStreams(), 0);
    await within(budget.forRequestsMs(), stopped);
    return { ended, resources };
  }

  async #closeRest(): Promise<void> {
    const budget = createTimeBudget(this.#options.deadlineMs, this.#parts.clock);
    await this.#streams.closeInTurn(budget, this.#parts.clock);
    await this.#resources.closeInTurn(budget, this.#parts.clock);
  }

  #trackers(): ServerTracker[] {
    return [...this.#attached.values()].map(({ tracker }) => tracker);
  }
}
