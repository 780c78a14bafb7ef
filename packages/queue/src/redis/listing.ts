import { InputError, StoreError } from "@scale/core";
import { keySegment } from "@scale/core/kit";
import type { JobQuery, Page, RedriveQuery } from "../store.js";
import type { JobState, StoredJob } from "../types.js";
import { readJob, segmentOf } from "./job-codec.js";
import type { RunOperation } from "./operations.js";

/** Jobs of one read: bounds how long it blocks the server. */
const CHUNK = 200;
/** Tenants of one read, of which few may have a waiting job. */
const TENANTS = 500;
/** Reads of one page: jobs of other tenants are skipped. */
const MAX_READS = 50;

/** One entry for each id that was read: a place in the list, also when its job is gone. */
type Chunk = readonly (StoredJob | undefined)[];

/** Where `list.lua` reads: its source, and the name of the tenant or the state. */
type Source = readonly [source: "line" | "delayed" | "dead" | "oldest-dead" | "state", name: string];

export interface DeadPage {
  readonly ids: readonly string[];
  readonly cursor?: string;
}

/** Reads jobs in pages. */
export class Listing {
  readonly #run: RunOperation;

  constructor(run: RunOperation) {
    this.#run = run;
  }

  async byIds(ids: readonly string[]): Promise<readonly StoredJob[]> {
    return chunkOf(await this.#run("list", ["ids", "", "0", String(CHUNK), ...ids.map(segmentOf)])).filter(isThere);
  }

  list(query: JobQuery): Promise<Page<StoredJob>> {
    const { state, tenantId, limit, cursor } = query;
    if (state === "waiting" && tenantId === undefined) return this.#waiting(limit, cursor ?? "0 ");
    return this.#page(query, parseCursor(cursor ?? "0").offset);
  }

  /** Dead jobs that a redrive asks for, oldest first, and where the next call goes on. */
  async deadOf(query: RedriveQuery): Promise<DeadPage> {
    const { tenantId, name, diedBeforeMs, max } = query;
    const isWanted = (job: StoredJob): boolean =>
      job.state === "dead" &&
      (job.finishedAtMs ?? 0) < diedBeforeMs &&
      (tenantId === undefined || job.tenantId === tenantId) &&
      (name === undefined || job.name === name);
    const wanted = (jobs: readonly StoredJob[]): string[] =>
      jobs
        .filter(isWanted)
        .slice(0, max)
        .map(({ id }) => id);
    if (query.ids !== undefined) return { ids: wanted(await this.byIds(query.ids)) };
    const source: Source = tenantId === undefined ? ["state", "oldest-dead"] : ["oldest-dead", keySegment(tenantId)];
    const { offset } = parseCursor(query.cursor ?? "0");
    const chunk = await this.#read(source, offset);
    const ids = wanted(chunk.filter(isThere));
    if (ids.length === max) return { ids, cursor: String(offset) };
    // The redriven jobs leave the set: the next call goes on after those that stay.
    return chunk.length < CHUNK ? { ids } : { ids, cursor: String(offset + chunk.length - ids.length) };
  }

  /** Some jobs of a tenant, fewer than `limit` when there are no more. */
  async some(state: JobState, tenantId: string, limit: number): Promise<readonly string[]> {
    const ids: string[] = [];
    let cursor: string | undefined = "0";
    while (cursor !== undefined && ids.length < limit) {
      const { offset } = parseCursor(cursor);
      const page: Page<StoredJob> = await this.#page({ state, tenantId, limit: limit - ids.length }, offset);
      ids.push(...page.items.map(({ id }) => id));
      ({ cursor } = page);
    }
    return ids;
  }

  async #read([source, name]: Source, offset: number): Promise<Chunk> {
    return chunkOf(await this.#run("list", [source, name, String(offset), String(CHUNK)]));
  }

  /** Reads from an offset on until the page is full. */
  async #page({ state, tenantId, limit }: JobQuery, offset: number): Promise<Page<StoredJob>> {
    const source = sourceOf(state, tenantId);
    const items: StoredJob[] = [];
    let at = offset;
    for (let reads = 0; reads < MAX_READS; reads++) {
      const chunk = await this.#read(source, at);
      for (const [i, job] of chunk.entries()) {
        if (job?.state !== state || (tenantId !== undefined && job.tenantId !== tenantId)) continue;
        if (items.length === limit) return { items, cursor: String(at + i) };
        items.push(job);
      }
      at += chunk.length;
      if (chunk.length < CHUNK) return { items };
    }
    return { items, cursor: String(at) };
  }

  /** Waiting jobs of all tenants: line by line. The cursor is the offset in a line, and a name before that of its tenant. */
  async #waiting(limit: number, cursor: string): Promise<Page<StoredJob>> {
    const items: StoredJob[] = [];
    let { after, offset } = parseCursor(cursor);
    for (let reads = 0; reads < MAX_READS; reads++) {
      const reply = await this.#run("tenants", [after, String(TENANTS), "1"]);
      const [next = "", ...tenants] = (reply as unknown[]).map(String);
      for (const tenant of tenants) {
        offset = await this.#line(tenant, { offset, limit, items });
        if (items.length === limit) return { items, cursor: `${offset} ${after}` };
        after = tenant;
        offset = 0;
      }
      if (next === "") return { items };
      after = next;
    }
    return { items, cursor: `${offset} ${after}` };
  }

  /** Adds the jobs of one line until the page is full. @returns the offset in the line that comes next */
  async #line(tenant: string, { offset, limit, items }: LinePage): Promise<number> {
    let at = offset;
    for (;;) {
      const chunk = await this.#read(["line", tenant], at);
      for (const job of chunk) {
        if (items.length === limit) return at;
        at += 1;
        if (job !== undefined) items.push(job);
      }
      if (chunk.length < CHUNK) return at;
    }
  }
}

interface LinePage {
  readonly offset: number;
  readonly limit: number;
  readonly items: StoredJob[];
}

function sourceOf(state: JobState, tenantId: string | undefined): Source {
  if (tenantId === undefined) return ["state", state];
  if (state === "waiting") return ["line", keySegment(tenantId)];
  if (state === "delayed" || state === "dead") return [state, keySegment(tenantId)];
  return ["state", state];
}

function parseCursor(cursor: string): { readonly after: string; readonly offset: number } {
  const [, offset, after = ""] = /^(\d{1,15})(?: (.*))?$/s.exec(cursor) ?? [];
  if (offset === undefined) throw new InputError("cursor: expected the cursor of the page before, got another string");
  return { after, offset: Number(offset) };
}

function chunkOf(reply: unknown): Chunk {
  if (!Array.isArray(reply)) throw new StoreError("expected a page of jobs from Redis, got another reply");
  const chunk: (StoredJob | undefined)[] = [];
  for (let i = 0; i + 3 < reply.length; i += 4) {
    const [segment, fields, state, due] = (reply as readonly unknown[]).slice(i, i + 4);
    const dueAtMs = due === "" ? undefined : Number(due);
    const isGone = state === "gone";
    chunk.push(
      isGone ? undefined : readJob({ segment: String(segment), fields, state: String(state) as JobState, dueAtMs }),
    );
  }
  return chunk;
}

const isThere = (job: StoredJob | undefined): job is StoredJob => job !== undefined;
