import type { JobCounts, JobPriority, JobState } from "../types.js";
import type { Entry } from "./entry.js";
import { LinkedList } from "./linked-list.js";

const PRIORITIES: readonly JobPriority[] = ["high", "normal", "low"];
const STATES: readonly JobState[] = ["waiting", "delayed", "active", "completed", "cancelled", "dead"];

type Lists = Readonly<Record<JobState, LinkedList<Entry>>>;

const createLists = (): Lists => ({
  waiting: new LinkedList(),
  delayed: new LinkedList(),
  active: new LinkedList(),
  completed: new LinkedList(),
  cancelled: new LinkedList(),
  dead: new LinkedList(),
});

/** Jobs of one tenant: the line of those that wait, by priority, and the others by state. */
interface TenantJobs {
  readonly line: Readonly<Record<JobPriority, LinkedList<Entry>>>;
  readonly lists: Lists;
  size: number;
}

/** Every job by id, by state, and by tenant and state. Each change costs O(1). */
export class JobIndex {
  readonly #byId = new Map<string, Entry>();
  readonly #lists = createLists();
  readonly #tenants = new Map<string, TenantJobs>();

  get(id: string): Entry | undefined {
    return this.#byId.get(id);
  }

  add(entry: Entry, state: JobState): void {
    this.#byId.set(entry.record.id, entry);
    this.#place(entry, state, "tail");
  }

  move(entry: Entry, state: JobState, end: "head" | "tail" = "tail"): void {
    this.#take(entry);
    this.#place(entry, state, end);
  }

  remove(entry: Entry): void {
    this.#take(entry);
    this.#byId.delete(entry.record.id);
  }

  /** First job of the tenant's line. */
  firstWaiting(tenantId: string): Entry | undefined {
    const line = this.#tenants.get(tenantId)?.line;
    return line?.high.first ?? line?.normal.first ?? line?.low.first;
  }

  oldestWaitingSinceMs(tenantId: string): number | undefined {
    const line = this.#tenants.get(tenantId)?.line;
    if (line === undefined) return undefined;
    const heads = PRIORITIES.flatMap((priority) => line[priority].first?.readySinceMs ?? []);
    return heads.length === 0 ? undefined : Math.min(...heads);
  }

  backlog(tenantId: string): number {
    const { waiting, delayed } = this.counts(tenantId);
    return waiting + delayed;
  }

  counts(tenantId?: string): JobCounts {
    if (tenantId === undefined) return countsOf(this.#lists, this.#lists.waiting.size);
    const tenant = this.#tenants.get(tenantId);
    if (tenant === undefined) return { waiting: 0, delayed: 0, active: 0, dead: 0 };
    const waiting = PRIORITIES.reduce((sum, priority) => sum + tenant.line[priority].size, 0);
    return countsOf(tenant.lists, waiting);
  }

  /** Jobs in a state, the next to run or the latest to end first. */
  *jobs(state: JobState, tenantId: string | undefined): Generator<Entry> {
    const tenant = tenantId === undefined ? undefined : this.#tenants.get(tenantId);
    if (tenantId !== undefined && tenant === undefined) return;
    if (state === "waiting" && tenant !== undefined) {
      for (const priority of PRIORITIES) yield* tenant.line[priority];
      return;
    }
    const list = (tenant?.lists ?? this.#lists)[state];
    yield* state === "waiting" || state === "delayed" || state === "active" ? list : list.reversed();
  }

  /** Jobs in a final state, the first to end first. */
  ended(state: "completed" | "cancelled" | "dead", tenantId?: string): Iterable<Entry> {
    const lists = tenantId === undefined ? this.#lists : this.#tenants.get(tenantId)?.lists;
    return lists?.[state] ?? [];
  }

  sizeOf(state: JobState): number {
    return this.#lists[state].size;
  }

  *ofTenant(tenantId: string): Generator<Entry> {
    for (const state of STATES) yield* this.jobs(state, tenantId);
  }

  tenantIds(): Iterable<string> {
    return this.#tenants.keys();
  }

  hasTenant(tenantId: string): boolean {
    return this.#tenants.has(tenantId);
  }

  #place(entry: Entry, state: JobState, end: "head" | "tail"): void {
    const { tenantId, priority } = entry.record;
    let tenant = this.#tenants.get(tenantId);
    if (tenant === undefined) {
      const line = { high: new LinkedList<Entry>(), normal: new LinkedList<Entry>(), low: new LinkedList<Entry>() };
      tenant = { line, lists: createLists(), size: 0 };
      this.#tenants.set(tenantId, tenant);
    }
    tenant.size += 1;
    entry.state = state;
    const ofTenant = state === "waiting" ? tenant.line[priority] : tenant.lists[state];
    entry.inTenant = end === "tail" ? ofTenant.push(entry) : ofTenant.unshift(entry);
    const ofQueue = this.#lists[state];
    entry.inQueue = end === "tail" ? ofQueue.push(entry) : ofQueue.unshift(entry);
  }

  #take(entry: Entry): void {
    for (const node of [entry.inTenant, entry.inQueue]) if (node !== undefined) node.list?.remove(node);
    const { tenantId } = entry.record;
    const tenant = this.#tenants.get(tenantId);
    if (tenant === undefined) return;
    tenant.size -= 1;
    if (tenant.size === 0) this.#tenants.delete(tenantId);
  }
}

const countsOf = ({ delayed, active, dead }: Lists, waiting: number): JobCounts => ({
  waiting,
  delayed: delayed.size,
  active: active.size,
  dead: dead.size,
});
