import type { NodeEntry } from "./node-state.js";
import type { Fleet } from "./node-registry.js";
import { askStatus, isFull, needsFresh } from "./status-query.js";

export interface PollerOptions {
  readonly pollMs: number;
  readonly timeoutMs: number;
  /** How often a poll opens a connection of its own. */
  readonly probeMs: number;
}

export interface Poller {
  /** Polls from now on, until `stop`. */
  start(): void;
  /** Asks all nodes now. */
  round(): Promise<void>;
  /** Asks a node by a poll that begins after this call; those who ask meanwhile share it. Never rejects. */
  poll(entry: NodeEntry): Promise<void>;
  /** Polls without a pause until the returned function is called: somebody waits. */
  hurry(): () => void;
  /** Resolves when no poll is under way. */
  stop(): Promise<void>;
}

/** Between two rounds while somebody waits: at first, and when the wait has become a long one. */
const HURRY_MS = 4;
const SLOWEST_HURRY_MS = 50;
/**
 * How long replicas are not asked, so that the sample of the primary which began before them is one that they can have
 * reached when they answer.
 */
const LEAD_MS = 20;

interface Polls {
  current: Promise<void> | undefined;
  next: Promise<void> | undefined;
  probedAtMs: number;
}

export function createPoller(fleet: Fleet, { pollMs, timeoutMs, probeMs }: PollerOptions): Poller {
  const { clock, random } = fleet.options;
  const polls = new WeakMap<NodeEntry, Polls>();
  const running = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let waiting = 0;
  let isHurried = false;
  let hurries = 0;

  function pollsOf(entry: NodeEntry): Polls {
    const known = polls.get(entry);
    if (known !== undefined) return known;
    const made: Polls = { current: undefined, next: undefined, probedAtMs: -Infinity };
    polls.set(entry, made);
    return made;
  }

  /** One question. @returns false when a second one may tell more */
  async function ask(entry: NodeEntry): Promise<boolean> {
    const own = pollsOf(entry);
    const atMs = clock.monotonic();
    const isFresh = needsFresh(entry, atMs - own.probedAtMs >= probeMs);
    if (isFresh) own.probedAtMs = atMs;
    const tick = fleet.begin();
    try {
      fleet.answered(entry, await askStatus(entry, isFresh, timeoutMs), { tick, atMs });
      return true;
    } catch (error) {
      // Published as an ejection when it repeats; one that is full is neither.
      if (!isFull(error)) fleet.pollFailed(entry);
      return isFull(error) || entry.pollFailures > 1;
    }
  }

  function begin(entry: NodeEntry): Promise<void> {
    const own = pollsOf(entry);
    const work = async (): Promise<void> => {
      // The first failure may be that of one old connection; a fresh one tells.
      if (!(await ask(entry)) && !isStopped) await ask(entry);
    };
    const current = work().finally(() => {
      own.current = undefined;
      running.delete(current);
    });
    own.current = current;
    running.add(current);
    return current;
  }

  function poll(entry: NodeEntry): Promise<void> {
    if (isStopped) return Promise.resolve();
    const own = pollsOf(entry);
    if (own.current === undefined) return begin(entry);
    return (own.next ??= own.current.then(() => {
      own.next = undefined;
      return poll(entry);
    }));
  }

  const idle = (entry: NodeEntry): Promise<void> => pollsOf(entry).current ?? begin(entry);

  async function round(ask: (entry: NodeEntry) => Promise<void> = poll): Promise<void> {
    const { entries, writer } = fleet;
    const lead = writer && ask(writer);
    if (lead !== undefined) await Promise.race([lead, pause(LEAD_MS)]);
    if (isStopped) return;
    await Promise.all([lead, ...entries.filter((entry) => entry !== writer).map(ask)]);
  }

  function schedule(): void {
    const turn = (): void => {
      // Time alone makes what is known stale, and ends what is out.
      fleet.assess();
      // A node whose poll hangs must not hold up the others'.
      void round(idle);
      schedule();
    };
    // Spread, so that the processes of an application do not ask all at the same moment.
    timer = setTimeout(turn, pollMs * (0.75 + random() / 2)).unref();
  }

  async function hurried(): Promise<void> {
    const isWanted = (): boolean => waiting > 0 && !isStopped;
    if (isHurried) return;
    isHurried = true;
    while (isWanted()) {
      hurries += 1;
      // Not awaited: a node whose poll hangs must not hold up the others'.
      void round(idle);
      await pause(Math.min(hurries * HURRY_MS, SLOWEST_HURRY_MS));
    }
    isHurried = false;
  }

  return {
    start() {
      if (timer === undefined && !isStopped) schedule();
    },
    round: () => round(),
    poll,
    hurry() {
      waiting += 1;
      hurries = 0;
      void hurried();
      return () => void (waiting -= 1);
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await Promise.all(running);
    },
  };
}

/** A timer that holds up no process. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
