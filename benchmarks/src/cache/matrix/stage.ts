import { setTimeout as sleep } from "node:timers/promises";
import { type FaultProxy, startFaultProxy } from "@scale/testkit";
import type { CacheNode, Row, StartNode } from "../peers/node.js";
import { rowOf } from "../rows.js";

export const ID = "invoice-17";
/** Longer than a visitor waits for a page. */
export const PATIENCE_MS = 4000;

/** A row that changes, and loads that can be held after they have read it. */
export interface Database {
  load(id: string): Promise<Row>;
  change(): void;
  /** Holds all loads from now on after they have read the row. */
  hold(): Held;
  isFresh(value: unknown): boolean;
}

export interface Held {
  /** Resolves when a load has read the row. */
  readonly hasRead: Promise<unknown>;
  /** Lets the held loads return, and holds no later ones. */
  release(): void;
}

/** Several processes of one application, each with its own proxies. They end with the process that runs them. */
export interface Stage {
  readonly database: Database;
  /** Starts another process. */
  node(): Promise<StagedNode>;
}

export interface StagedNode extends CacheNode {
  readonly commands: FaultProxy;
  readonly messages: FaultProxy;
}

export function createStage(url: string, start: StartNode, prefix: string): Stage {
  const database = createDatabase();
  return {
    database,
    async node() {
      const [commands, messages] = [await startFaultProxy(url), await startFaultProxy(url)];
      const node = await start({ url: commands.url, busUrl: messages.url, prefix, load: database.load });
      return { ...node, commands, messages };
    },
  };
}

function createDatabase(): Database {
  let version = 0;
  let held: { until: Promise<void>; tell(): void } | undefined;
  return {
    async load(id) {
      const row = { ...rowOf(id), total: version };
      held?.tell();
      await held?.until;
      return row;
    },
    change: () => void version++,
    hold() {
      const [read, until] = [signal(), signal()];
      held = { until: until.given, tell: read.give };
      return {
        hasRead: read.given,
        release() {
          held = undefined;
          until.give();
        },
      };
    },
    isFresh: (value) => (value as Row | undefined)?.total === version,
  };
}

function signal(): { readonly given: Promise<void>; give(): void } {
  let give!: () => void;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

export interface Answer {
  readonly ms: number;
  /** `undefined` if the work did not settle in time. */
  readonly text: string | undefined;
  readonly value: unknown;
}

/** The result of the work if it settles within `ms`. A rejection is a result too. */
export async function within(ms: number, work: Promise<unknown>): Promise<Answer> {
  const start = performance.now();
  const elapsed = (): number => performance.now() - start;
  const late = new AbortController();
  const answer = work.then(
    (value) => ({ ms: elapsed(), value, text: JSON.stringify(value) ?? String(value) }),
    (error: unknown) => ({ ms: elapsed(), value: undefined, text: `rejects: ${String(error)}` }),
  );
  const none = sleep(ms, { ms, value: undefined, text: undefined }, { signal: late.signal }).catch(() => answer);
  const first = await Promise.race([answer, none]);
  late.abort();
  return first;
}
