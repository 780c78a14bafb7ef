import { createDeadline } from "@scale/core/kit";
import type { HttpFacts } from "@scale/http";
import { createOperator, type Operator } from "./actions/operator.js";
import { sourceFail } from "./channels.js";
import { createDecisionLog, type DecisionLog } from "./events/decisions.js";
import { createEventRecorder, type EventRecorder } from "./events/recorder.js";
import { createFeed } from "./feed/feed.js";
import { type DashboardOptions, type ParsedDashboardOptions, parseDashboardOptions } from "./options.js";
import { createRoutes } from "./serve/routes.js";
import { storyOf } from "./story.js";
import type { DashboardData, DependencyState, Snapshot } from "./types.js";

export interface Dashboard {
  /** Path at which the page is mounted. */
  readonly path: string;
  /** Open pages. */
  readonly viewers: number;
  /**
   * Answers a request for the page, its files and its data.
   * @returns `undefined` for a path that is not the dashboard's
   */
  respond(facts: HttpFacts): Promise<Response | undefined>;
  /** Ends the streams of all viewers, and the actions that run. */
  close(): void;
  [Symbol.dispose](): void;
}

const SHOWN_EVENTS = 100;
const READ_MS = 5_000;

/**
 * Creates the live page. It does nothing without a viewer: sources are read, and events subscribed to, with the first
 * viewer.
 * @throws {ConfigError} that names the wrong option
 */
export function createDashboard(options: DashboardOptions): Dashboard {
  const parsed = parseDashboardOptions(options);
  const parts = createParts(parsed, () => feed.refresh());
  const readWithin = createDeadline(READ_MS);
  const { recorder, decisions, operator } = parts;
  const feed = createFeed({
    // A source that hangs must not end the stream of all viewers.
    read: async () => JSON.stringify(await readWithin(snapshotOf(parsed, parts), "read")),
    onError: (error) => sourceFail.publish(() => ({ operation: "read", error })),
    everyMs: parsed.everyMs,
    maxViewers: parsed.maxViewers,
    onActive(isActive) {
      for (const each of [recorder, decisions]) each[isActive ? "start" : "stop"]();
    },
  });
  const respond = createRoutes({ options: parsed, feed, ...parts, snapshot: () => snapshotOf(parsed, parts) });
  function close(): void {
    feed.close();
    operator.close();
    recorder.stop();
    decisions.stop();
  }
  return {
    path: parsed.path,
    get viewers() {
      return feed.viewers;
    },
    respond,
    close,
    [Symbol.dispose]: close,
  };
}

interface Parts {
  readonly recorder: EventRecorder;
  readonly decisions: DecisionLog;
  readonly operator: Operator;
}

function createParts({ actions, clock }: ParsedDashboardOptions, onChange: () => void): Parts {
  const recorder = createEventRecorder(clock);
  const operator = createOperator({
    ...{ actions: actions.list, clock },
    onError: (error) => sourceFail.publish(() => ({ operation: "action", error })),
    onNote(kind, text) {
      recorder.add({ kind, text });
      onChange();
    },
  });
  return { recorder, decisions: createDecisionLog(clock), operator };
}

async function snapshotOf(
  { source, health, title, clock, actions }: ParsedDashboardOptions,
  { recorder, operator }: Parts,
): Promise<Snapshot> {
  const [data, dependencies] = await Promise.all([source.read(), dependenciesOf(health)]);
  operator.observe(data);
  return {
    ...data,
    title,
    atMs: clock.now(),
    dependencies: dependencies ?? data.dependencies ?? [],
    story: storyOf(data.tenants),
    events: recorder.last(SHOWN_EVENTS),
    actions: { title: actions.title, list: operator.states() },
    incidents: operator.incidents(),
  };
}

async function dependenciesOf(
  health: ParsedDashboardOptions["health"],
): Promise<DashboardData["dependencies"] | undefined> {
  if (health === undefined) return undefined;
  const { checks } = await health.ready();
  return checks.map(
    ({ name, status, output }): DependencyState => ({ name, status, ...(output !== undefined && { note: output }) }),
  );
}
