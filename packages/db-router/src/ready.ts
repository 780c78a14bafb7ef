import { TimeoutError } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { NoPrimaryError } from "./errors.js";
import type { RouterState } from "./routing/router-state.js";

export interface ReadyOptions {
  /**
   * True waits until every replica that answers has replayed what the primary has at the time of the call. Replicas that
   * have not serve no reads meanwhile, also after `timeoutMs`.
   * @default false
   */
  readonly caughtUp?: boolean;
  /** Maximum time that a starting or silent server, or a lagging replica, is waited for. @default 10000 */
  readonly timeoutMs?: number;
}

const schema = z.strictObject({
  caughtUp: z.boolean().default(false),
  timeoutMs: z.number().min(0).max(3_600_000).default(10_000),
});

/** Resolves when a node serves. See `Router.ready`. */
export async function waitUntilReady(
  state: RouterState,
  firstPoll: Promise<void>,
  options: ReadyOptions = {},
): Promise<void> {
  const { caughtUp, timeoutMs } = parseOptions(schema, options, "ready");
  const { registry, changes, poller, name } = state;
  const until = registry.options.clock.monotonic() + timeoutMs;
  const left = (): number => Math.max(until - registry.options.clock.monotonic(), 0);
  await firstPoll;
  if (!isServing(state) && mayStillAnswer(registry.writerError)) {
    await changes.until({ ms: left(), attempt: () => isServing(state) || undefined });
  }
  if (!isServing(state)) throw new NoPrimaryError(name, { cause: registry.writerError });
  if (!caughtUp) return;
  const { writer } = registry;
  // A sample that begins now covers everything that was committed before the call.
  if (writer !== undefined) await poller.poll(writer);
  if (registry.writer === undefined) throw new NoPrimaryError(name, { cause: registry.writerError });
  registry.raiseFloor();
  const late = (): string[] =>
    registry.nodes.flatMap((node) => (node.ineligibleReason === "catching-up" ? [node.name] : []));
  if (late().length === 0) return;
  const isDone = await changes.until({ ms: left(), attempt: () => late().length === 0 || undefined });
  if (isDone !== true) throw new TimeoutError(`the replay of ${late().join(", ")}`, timeoutMs);
}

function isServing({ registry }: RouterState): boolean {
  return registry.writer !== undefined || registry.nodes.some(({ isServingReads }) => isServingReads);
}

/** A server that refuses its clients will not change its mind soon; one that is silent or starting may. */
function mayStillAnswer(error: unknown): boolean {
  if (error instanceof TimeoutError) return true;
  return typeof error === "object" && error !== null && "code" in error && error.code === "57P03";
}
