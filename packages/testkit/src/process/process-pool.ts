import { fileURLToPath } from "node:url";
import { bundle } from "./bundle.js";
import { type Member, startMember } from "./member.js";
import { makeTempFolder, removeTempFolder } from "./watchdog.js";
import { settleAll } from "../settle.js";

/** From the last "I have it" to the common start: enough for the word to reach every process. */
const LEAD_NS = 5_000_000n;

export interface ProcessPoolOptions {
  size: number;
  /**
   * The worker module as a file url: `new URL("./x.worker.ts", import.meta.url)`. It calls `serveWorker`.
   * A `.ts` file is bundled with the workspace sources that it imports; any other file is run as it is.
   */
  script: URL;
  /** Anything that structured clone carries; workers find it in their context. */
  args?: unknown;
  /** @default that of this process */
  env?: NodeJS.ProcessEnv;
}

/** The same worker module in `size` node processes. Messages and replies are carried by structured clone. */
export interface ProcessPool<Reply> {
  readonly size: number;
  /** `undefined` for a process that is dead. */
  readonly pids: readonly (number | undefined)[];
  /**
   * Hands `message` to every living process; their handlers start at the same moment, once each process has it.
   * @returns the replies of the living, in the order of their index
   * @throws {ServerError} the first failure, after all have settled
   */
  all(message: unknown): Promise<Reply[]>;
  /** @throws {ServerError} when the process is dead or dies first, or when its handler throws (`cause` is that error) */
  one(index: number, message: unknown): Promise<Reply>;
  /** SIGKILL; what the process was asked rejects. */
  kill(index: number): Promise<void>;
  /** Ends every process. May be called twice. */
  close(): Promise<void>;
}

export function startProcessPool(options: ProcessPoolOptions): Promise<ProcessPool<unknown>>;
export function startProcessPool<Reply>(
  options: ProcessPoolOptions & {
    /** Turns what a worker answered into the reply's type: `Number`, or a schema's `parse`. */
    parse: (reply: unknown) => Reply;
  },
): Promise<ProcessPool<Reply>>;
export async function startProcessPool(
  options: ProcessPoolOptions & { parse?: (reply: unknown) => unknown },
): Promise<ProcessPool<unknown>> {
  const { size, script, args, env, parse = (reply) => reply } = options;
  const folder = makeTempFolder("worker");
  const members: Member[] = [];
  async function close(): Promise<void> {
    await Promise.all(members.map((member) => member.kill()));
    await removeTempFolder(folder);
  }
  try {
    const file = script.pathname.endsWith(".ts") ? await bundle(script, folder) : fileURLToPath(script);
    for (let index = 0; index < size; index++) members.push(startMember(file, { index, size, args }, env));
    await Promise.all(members.map((member) => member.started));
  } catch (error) {
    await close();
    throw error;
  }
  const at = (index: number): Member => {
    const member = members[index];
    if (!member) throw new RangeError(`no worker ${index} in a pool of ${size}`);
    return member;
  };
  return {
    size,
    get pids() {
      return members.map((member) => member.pid);
    },
    all: async (message) => (await together(members, message)).map((reply) => parse(reply)),
    one: async (index, message) => parse(await at(index).ask(message)),
    kill: (index) => at(index).kill(),
    close,
  };
}

async function together(members: readonly Member[], message: unknown): Promise<unknown[]> {
  const asked = members.filter((member) => member.pid !== undefined).map((member) => member.hold(message));
  const replies = settleAll(asked.map(({ reply }) => reply));
  await Promise.all(asked.map(({ held }) => held));
  const start = process.hrtime.bigint() + LEAD_NS;
  for (const { go } of asked) go(start);
  return replies;
}
