import type { DashboardData, TabData, TabName } from "@scale/dashboard";
import type { LiveData } from "../live-data.js";
import { cacheTab } from "./cache.js";
import { databaseTab } from "./database.js";
import { limitsTab } from "./limits.js";
import { queuesTab } from "./queues.js";
import { resilienceTab } from "./resilience.js";

type Tabs = NonNullable<DashboardData["tabs"]>;

/** Tabs of the live page: facts of the product first, then those that `@scale/metrics` has of every package. */
export function tabsOf(facts: LiveData, common: Tabs = {}): Tabs {
  const own: Tabs = {
    limits: limitsTab(facts),
    cache: cacheTab(facts),
    database: databaseTab(facts),
    resilience: resilienceTab(facts),
    ...(facts.jobs !== undefined && { queues: queuesTab(facts.jobs) }),
  };
  const names = [...new Set([...Object.keys(own), ...Object.keys(common)])] as TabName[];
  return Object.fromEntries(names.map((name) => [name, joined(own[name], common[name])]));
}

/** A table, or a tile, of the product takes the place of a common one of the same name. */
function joined(own: TabData = {}, common: TabData = {}): TabData {
  const { tiles = [], tables = [] } = own;
  const captions = new Set(tables.map(({ caption }) => caption));
  return {
    tiles: tiles.length > 0 ? tiles : (common.tiles ?? []),
    tables: [...tables, ...(common.tables ?? []).filter(({ caption }) => !captions.has(caption))],
  };
}
