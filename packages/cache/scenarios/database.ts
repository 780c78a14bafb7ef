import type { Definition } from "../src/index.js";
import type { Node } from "./node.js";

/** Rows that change. Loaders wait before and after they read one. */
export interface Database {
  readonly loads: () => number;
  change(id: string): number;
  now(id: string): number;
  read(id: string): Promise<number>;
}

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** @param delayMs delay before and after the row is read */
export function createDatabase(delayMs: () => number): Database {
  const rows = new Map<string, number>();
  let loads = 0;
  const now = (id: string): number => rows.get(id) ?? 0;
  return {
    loads: () => loads,
    now,
    change(id) {
      rows.set(id, now(id) + 1);
      return now(id);
    },
    async read(id) {
      loads++;
      await sleep(delayMs());
      const value = now(id);
      await sleep(delayMs());
      return value;
    },
  };
}

export type RowOf = Definition<string, number>;

export const rowOf = ({ cache }: Pick<Node, "cache">, database: Database): RowOf =>
  cache.define({
    name: "row",
    key: (id: string) => id,
    ttl: "10m",
    tags: (_n, id) => [`of:${id}`],
    load: database.read,
  });
