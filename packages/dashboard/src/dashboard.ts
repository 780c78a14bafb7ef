import type { HttpFacts } from "@scale/http";
import { sourceFail } from "./channels.js";
import { createEventRecorder, type EventRecorder } from "./events/recorder.js";
import { createFeed, type Feed } from "./feed/feed.js";
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
  /** Ends the streams of all viewers. */
  close(): void;
  [Symbol.dispose](): void;
}

const SHOWN_EVENTS = 100;

/**
 * Creates the live page. It does nothing without a viewer: sources are read, and events subscribed to, with the first
 * viewer.
 * @throws {ConfigError} that names the wrong option
 */
export function createDashboard(options: DashboardOptions): Dashboard {
  const parsed = parseDashboardOptions(options);
  const recorder = createEventRecorder(parsed.clock);
  const feed = createFeed({
    read: async () => JSON.stringify(await snapshotOf(parsed, recorder)),
    onError: (error) => sourceFail.publish(() => ({ operation: "read", error })),
    everyMs: parsed.everyMs,
    maxViewers: parsed.maxViewers,
    onActive: (isActive) => (isActive ? recorder.start() : recorder.stop()),
  });
  const respond = createRoutes({ options: parsed, feed, recorder, snapshot: () => snapshotOf(parsed, recorder) });
  const close = (): void => closeAll(feed, recorder);
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

function closeAll(feed: Feed, recorder: EventRecorder): void {
  feed.close();
  recorder.stop();
}

async function snapshotOf(
  { source, health, title, clock }: ParsedDashboardOptions,
  recorder: EventRecorder,
): Promise<Snapshot> {
  const [data, dependencies] = await Promise.all([source.read(), dependenciesOf(health)]);
  return {
    ...data,
    title,
    atMs: clock.now(),
    dependencies: dependencies ?? data.dependencies ?? [],
    story: storyOf(data.tenants),
    events: recorder.last(SHOWN_EVENTS),
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
