import { keySegment, parseOptions, parseTenantId } from "@scale/core/kit";
import type { Script } from "@scale/core/redis";
import { type BackendFactory, createRedisBackend, QueueKeys, RedisQueueBackend } from "bullmq";
import { z } from "zod";
import { type BullmqScripts, readBullmqScripts } from "./bullmq-scripts.js";
import { composeOperations, composeScript, functionOf, type Operation } from "./compose.js";
import { routes } from "./routes.js";
import * as own from "./scripts.gen.js";

export interface FairBackendOptions {
  /** The tenant of a job that BullMQ's own classes add. */
  readonly tenantOf: (job: { readonly name: string; readonly data: unknown }) => string;
  /** @default "count" */
  readonly charge?: "count" | "time";
}

const optionsSchema = z.strictObject({
  tenantOf: z.custom<FairBackendOptions["tenantOf"]>((value) => typeof value === "function", "expected a function"),
  charge: z.enum(["count", "time"]).default("count"),
});

/** Milliseconds for which the record of a tenant without jobs is kept. */
const IDLE_TTL_MS = 172_800_000;
const READS: readonly Operation[] = ["counts", "isStaged", "list"];

/**
 * A backend for BullMQ's own `Queue`, `Worker` and `FlowProducer` that shares the jobs, the lines and the scheduler of
 * `redisStore`: `new Queue(name, { connection, prefix }, fairBackend({ tenantOf }))`, with name and prefix of `bullmqNames`.
 */
export function fairBackend(options: FairBackendOptions): BackendFactory<RedisQueueBackend> {
  const settings: Settings = parseOptions(optionsSchema, options, "fairBackend");
  return (name, opts, kind) => {
    const plain = createRedisBackend(name, opts, kind);
    // Both forward the events of one connection; this one has no listeners of its own.
    plain.on("error", () => undefined);
    return new FairBackend(plain, { name, opts, settings });
  };
}

type Settings = Readonly<Required<FairBackendOptions>>;
type BackendInput = Parameters<BackendFactory>;
type Client = Parameters<RedisQueueBackend["execCommand"]>[0];

class FairBackend extends RedisQueueBackend {
  readonly #settings: Settings;

  constructor(
    plain: RedisQueueBackend,
    { name, opts, settings }: { name: string; opts: BackendInput[1]; settings: Settings },
    ownsConnection = true,
  ) {
    super(
      plain.connection,
      name,
      plain.keys,
      (type) => plain.toKey(type),
      opts,
      plain.blockingConnection,
      ownsConnection,
    );
    this.#settings = settings;
    const client = this.#define();
    client.catch(() => undefined);
    // BullMQ gets its connection from here: with our commands on it, also for pipelines, which cannot wait.
    Object.defineProperty(this.queue, "client", { get: () => client });
  }

  async #define(): Promise<Awaited<RedisQueueBackend["client"]>> {
    const [client, scripts] = await Promise.all([this.connection.client, readBullmqScripts()]);
    for (const { name, script, numberOfKeys } of commandsOf(scripts)) {
      client.defineCommand(name, { numberOfKeys, lua: script.source });
    }
    return client;
  }

  override forQueue(queueName: string, prefix: string = this.redisPrefix): FairBackend {
    const keys = new QueueKeys(prefix);
    const opts = { ...this.queue.opts, prefix };
    const toKey = (type: string): string => keys.toKey(queueName, type);
    const plain = new RedisQueueBackend(
      this.connection,
      queueName,
      keys.getKeys(queueName),
      toKey,
      opts,
      this.blockingConnection,
      false,
    );
    return new FairBackend(plain, { name: queueName, opts, settings: this.#settings }, false);
  }

  /** Every script of BullMQ goes through here: those that make jobs wait, or look for waiting ones, through ours. */
  override execCommand(client: Client, commandName: string, args: readonly Argument[]): unknown {
    const route = routes.get(commandName);
    if (route === undefined) return super.execCommand(client, commandName, [...args]);
    const keys = args.slice(0, route.keyCount);
    const rest = args.slice(route.keyCount);
    const prefix = route.prefixOf?.(String(keys[0])) ?? this.toKey("");
    const head = [prefix, ...keys, ...this.#head(), route.staged(rest)];
    return client.runCommand(`scaleFair:${commandName}`, [...head, ...rest]);
  }

  override addJobToTransaction(...[client, job, jobId, ...rest]: AddArguments): Promise<string> {
    const opts = { ...job.opts, ...this.#tenantOpts(job.name, job.data) };
    return super.addJobToTransaction(client, { ...job, opts }, jobId, ...rest);
  }

  override addJobScheduler(...[id, nextMs, data, templateOpts, opts, jobOpts, ...rest]: SchedulerArguments) {
    const tenant = this.#tenantOpts(opts.name ?? id, data);
    const withTenant = [{ ...templateOpts, ...tenant }, opts, { ...jobOpts, ...tenant }] as const;
    return super.addJobScheduler(id, nextMs, data, ...withTenant, ...rest);
  }

  override updateJobSchedulerNextMillis(...[id, nextMs, data, jobOpts, ...rest]: NextArguments) {
    return super.updateJobSchedulerNextMillis(id, nextMs, data, { ...jobOpts, ...this.#tenantOpts(id, data) }, ...rest);
  }

  override async getCounts(...[types, ...rest]: Parameters<RedisQueueBackend["getCounts"]>): Promise<number[]> {
    const counts = await super.getCounts(types, ...rest);
    if (!types.some(isWaiting)) return counts;
    const [waiting = 0] = (await this.#read("counts", [])) as number[];
    return counts.map((count, i) => (isWaiting(types[i]) ? count + waiting : count));
  }

  override async getRanges(...[types, start = 0, end = 1, asc]: RangeArguments): Promise<[string][]> {
    const ranges = await super.getRanges(types, start, end, asc);
    if (!types.some(isWaiting)) return ranges;
    const ids = (await this.#staged(start, end)).map(([id]) => id);
    return ranges.map((range, i) => (isWaiting(types[i]) ? [...range, ...ids] : range) as [string]);
  }

  override async getJobs(...[types, start = 0, end = -1, asc]: JobsArguments): Promise<[string, string[]][][]> {
    const groups = await super.getJobs(types, start, end, asc);
    // BullMQ answers one group for each distinct state.
    const states = [...new Set(types.map((type) => (type === "waiting" ? "wait" : type)))];
    if (!states.some(isWaiting)) return groups;
    const jobs = await this.#staged(start, end);
    return groups.map((group, i) => (isWaiting(states[i]) ? [...group, ...jobs] : group));
  }

  override async getState(jobId: string): Promise<Awaited<ReturnType<RedisQueueBackend["getState"]>>> {
    const state = await super.getState(jobId);
    return state === "unknown" && (await this.#isStaged(jobId)) ? "waiting" : state;
  }

  override async isJobInState(state: string, jobId: string): Promise<boolean> {
    if (await super.isJobInState(state, jobId)) return true;
    return isWaiting(state) && (await this.#isStaged(jobId));
  }

  #head(): readonly Argument[] {
    return ["", this.#settings.charge, IDLE_TTL_MS];
  }

  async #read(operation: Operation, args: readonly Argument[]): Promise<unknown> {
    const client = await this.queue.client;
    return client.runCommand(`scaleFair:${operation}`, [this.toKey(""), ...this.#head(), ...args]);
  }

  /** Jobs in the lines, with their fields. */
  async #staged(start: number, end: number): Promise<[string, string[]][]> {
    const limit = end < 0 ? 1_000_000 : end - start + 1;
    const entries = (await this.#read("list", ["staged", "", start, limit])) as readonly unknown[];
    const jobs: [string, string[]][] = [];
    for (let i = 0; i + 3 < entries.length; i += 4) {
      const fields = entries[i + 1] as string[];
      if (fields.length > 0) jobs.push([String(entries[i]), fields]);
    }
    return jobs;
  }

  async #isStaged(jobId: string): Promise<boolean> {
    return (await this.#read("isStaged", [jobId])) === 1;
  }

  #tenantOpts(name: string, data: string): { readonly tn: string } {
    return { tn: keySegment(parseTenantId(this.#settings.tenantOf({ name, data: JSON.parse(data) }))) };
  }
}

type Argument = string | number | boolean | Buffer | null | undefined;
type AddArguments = Parameters<RedisQueueBackend["addJobToTransaction"]>;
type SchedulerArguments = Parameters<RedisQueueBackend["addJobScheduler"]>;
type RangeArguments = Parameters<RedisQueueBackend["getRanges"]>;
type JobsArguments = Parameters<RedisQueueBackend["getJobs"]>;
type NextArguments = Parameters<RedisQueueBackend["updateJobSchedulerNextMillis"]>;

const isWaiting = (state: string | undefined): boolean => state === "waiting" || state === "wait";

interface Command {
  readonly name: string;
  readonly script: Script;
  readonly numberOfKeys: number;
}

function commandsOf(scripts: BullmqScripts): readonly Command[] {
  const operations = composeOperations(scripts);
  const reads = READS.map((name) => ({ name: `scaleFair:${name}`, script: operations[name], numberOfKeys: 1 }));
  const routed = [...routes].map(([command, { fetches, keyCount }]) => {
    const { name, source } = fetches === true ? own.bullmqFetch : own.bullmqRoute;
    const parts = [functionOf(command, scripts, "bullmq"), own.fair.source, own.ends.source, source];
    return { name: `scaleFair:${command}`, script: composeScript(name, parts), numberOfKeys: keyCount + 1 };
  });
  return [...reads, ...routed];
}
