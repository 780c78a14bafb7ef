import { InputError, StoreError } from "@scale/core";
import { keySegment } from "@scale/core/kit";
import type { JobQuery, Page, RedriveQuery } from "../store.js";
import type { JobState, StoredJob } from "../types.js";
import { readJob, segmentOf } from "./job-codec.js";
import type { RunOperation } from "./operations.js";

/** Jobs of one read: bounds how long it blocks the server. */
const CHUNK = 200;
/** Reads of one page: jobs of other tenants are skipped. */
const MAX_READS = 50;

interface Chunk {
  /** Number of ids that were read; some may be gone. */
  readonly read: number;
  readonly jobs: readonly StoredJob[];
}

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
    return chunkOf(await this.#run("list", ["ids", "", "0", String(CHUNK), ...ids.map(segmentOf)])).jobs;
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
    const ids = wanted(chunk.jobs);
    if (ids.length === max) return { ids, cursor: String(offset) };
    // The redriven jobs leave the set: the next call goes on after those that stay.
    return chunk.read < CHUNK ? { ids } : { ids, cursor: String(offset + chunk.read - ids.length) };
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
      for (const [i, job] of chunk.jobs.entries()) {
        if (job.state !== state || (tenantId !== undefined && job.tenantId !== tenantId)) continue;
        if (items.length === limit) return { items, cursor: String(at + i) };
        items.push(job);
      }
      at += chunk.read;
      if (chunk.read < CHUNK) return { items };
    }
    return { items, cursor: String(at) };
  }

  /** Waiting jobs of all tenants: line by line. The cursor is the offset in a line, and the tenant before it. */
  async #waiting(limit: number, cursor: string): Promise<Page<StoredJob>> {
    const items: StoredJob[] = [];
    let { after, offset } = parseCursor(cursor);
    for (let reads = 0; reads < MAX_READS; reads++) {
      const reply = await this.#run("tenants", [after, "1", "1"]);
      const [next = "", tenant] = (reply as unknown[]).map(String);
      const chunk = tenant === undefined ? { read: 0, jobs: [] } : await this.#read(["line", tenant], offset);
      const taken = chunk.jobs.slice(0, limit - items.length);
      items.push(...taken);
      offset += taken.length < chunk.jobs.length ? taken.length : chunk.read;
      if (items.length === limit) return { items, cursor: `${offset} ${after}` };
      if (chunk.read === CHUNK) continue;
      if (next === "") return { items };
      after = next;
      offset = 0;
    }
    return { items, cursor: `${offset} ${after}` };
  }
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
  const [read, ...entries] = reply as readonly unknown[];
  const jobs: StoredJob[] = [];
  for (let i = 0; i + 3 < entries.length; i += 4) {
    const [segment, fields, state, due] = entries.slice(i, i + 4);
    const dueAtMs = due === "" ? undefined : Number(due);
    jobs.push(readJob({ segment: String(segment), fields, state: String(state) as JobState, dueAtMs }));
  }
  return { read: Number(read), jobs };
}
