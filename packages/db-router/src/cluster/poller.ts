import { NodePolls } from "./node-polls.js";
import type { NodeRegistry } from "./node-registry.js";
import type { NodeState } from "./node-state.js";

export interface Poller {
  /** Starts the regular polls, until `stop`. */
  start(): void;
  /** Polls all nodes now. */
  pollAll(): Promise<void>;
  /** Polls one node with a query that begins after this call; callers that arrive meanwhile share it. Never rejects. */
  poll(node: NodeState): Promise<void>;
  /** Polls at short intervals, for a caller that waits for a change, until the returned function is called. */
  pollFast(): () => void;
  /** Resolves when no poll is running. */
  stop(): Promise<void>;
}

/** Interval of fast polling: its first step, and the longest that it grows to in a long wait. */
const FAST_STEP_MS = 4;
const FAST_MAX_MS = 50;
/**
 * Head start of the primary's poll over those of the replicas. A replica that answers later can then have replayed the
 * primary's sample already.
 */
const LEAD_MS = 20;

export function createPoller(
  registry: NodeRegistry,
  { pollMs, ...options }: { readonly pollMs: number; readonly timeoutMs: number; readonly probeMs: number },
): Poller {
  const { random } = registry.options;
  const polls = new NodePolls(registry, options);
  const joinAll = (): Promise<void> => round(registry, polls, (node) => polls.join(node));
  const fast = createFastPolling(polls, joinAll);
  let timer: NodeJS.Timeout | undefined;

  function schedule(): void {
    const turn = (): void => {
      // Time alone can make a poll stale or end an ejection.
      registry.reassess();
      // Not awaited: a node whose poll hangs must not delay the polls of the others.
      void joinAll();
      schedule();
    };
    // Jitter, so that the processes of an application do not poll at the same moment.
    timer = setTimeout(turn, pollMs * (0.75 + random() / 2)).unref();
  }

  return {
    start() {
      if (timer === undefined && !polls.isStopped) schedule();
    },
    pollAll: () => round(registry, polls, (node) => polls.poll(node)),
    poll: (node) => polls.poll(node),
    pollFast: fast,
    async stop() {
      clearTimeout(timer);
      await polls.stop();
    },
  };
}

/** One round over all nodes, the primary first. */
async function round(
  { nodes, writer }: NodeRegistry,
  polls: NodePolls,
  poll: (node: NodeState) => Promise<void>,
): Promise<void> {
  const lead = writer && poll(writer);
  if (lead !== undefined) await Promise.race([lead, pause(LEAD_MS)]);
  if (polls.isStopped) return;
  await Promise.all([lead, ...nodes.filter((node) => node !== writer).map(poll)]);
}

/** One loop for all callers that wait. Each new caller resets the interval to its first step. */
function createFastPolling(polls: NodePolls, joinAll: () => Promise<void>): Poller["pollFast"] {
  let callers = 0;
  let rounds = 0;
  let isRunning = false;

  async function loop(): Promise<void> {
    const isWanted = (): boolean => callers > 0 && !polls.isStopped;
    if (isRunning) return;
    isRunning = true;
    while (isWanted()) {
      rounds += 1;
      // Not awaited: a node whose poll hangs must not delay the polls of the others.
      void joinAll();
      await pause(Math.min(rounds * FAST_STEP_MS, FAST_MAX_MS));
    }
    isRunning = false;
  }

  return () => {
    callers += 1;
    rounds = 0;
    void loop();
    return () => void (callers -= 1);
  };
}

/** A timer that does not keep the process alive. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
