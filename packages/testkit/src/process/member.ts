import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { FromWorker, ToWorker, WorkerContext } from "./process-worker.js";
import { ServerError } from "../server-error.js";
import { guardProcess, releaseProcess } from "./watchdog.js";

/** One process of a pool. */
export interface Member {
  /** `undefined` once it is dead. */
  readonly pid: number | undefined;
  /** Resolves when the worker listens. */
  readonly started: Promise<void>;
  ask(message: unknown): Promise<unknown>;
  /** Asks in two steps: `held` resolves when the process has the message, or never will; it starts at `go`. */
  hold(message: unknown): { held: Promise<void>; reply: Promise<unknown>; go(at: bigint): void };
  kill(): Promise<void>;
}

interface Request {
  held: () => void;
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

export function startMember(file: string, context: WorkerContext, env: NodeJS.ProcessEnv = process.env): Member {
  const child = fork(file, { env, execArgv: ["--enable-source-maps"], serialization: "advanced", detached: true });
  const name = `worker ${context.index}`;
  const requests = new Map<number, Request>();
  const ended = watch(child, name, requests);
  let nextId = 0;

  function send(compose: (id: number) => ToWorker): { id: number; held: Promise<void>; reply: Promise<unknown> } {
    const id = nextId++;
    const request: Partial<Request> = {};
    const held = new Promise<void>((resolve) => {
      request.held = resolve;
    });
    const reply = new Promise<unknown>((resolve, reject) => {
      Object.assign(request, { resolve, reject });
    });
    requests.set(id, request as Request);
    if (!child.connected) failAll(requests, new ServerError(`${name} is dead`));
    else child.send(compose(id), (error) => error && failAll(requests, new ServerError(`${name}: ${error.message}`)));
    return { id, held, reply };
  }

  return {
    get pid() {
      return child.connected ? child.pid : undefined;
    },
    started: send((id) => ({ is: "start", id, context })).reply.then(() => {}),
    ask: (message) => send((id) => ({ is: "ask", id, message, hold: false })).reply,
    hold: (message) => {
      const { id, held, reply } = send((id) => ({ is: "ask", id, message, hold: true }));
      // A process that has died meanwhile has failed its request already.
      const go = (at: bigint): void => void child.send?.({ is: "go", id, at } satisfies ToWorker, () => {});
      return { held, reply, go };
    },
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Hears the worker, and fails what is open when it ends. */
async function watch(child: ChildProcess, name: string, requests: Map<number, Request>): Promise<void> {
  const { pid } = child;
  if (pid !== undefined) {
    guardProcess(pid);
    child.once("exit", () => releaseProcess(pid));
  }
  child.on("message", (said) => hear(said as FromWorker, name, requests));
  try {
    // The exit may be known before the last message is read; the end of the channel comes after it.
    await Promise.all([once(child, "exit"), once(child, "disconnect")]);
    failAll(requests, new ServerError(`${name} ended with ${child.signalCode ?? `code ${child.exitCode}`}`));
  } catch (cause) {
    failAll(requests, new ServerError(`${name} cannot be started: ${String(cause)}`, { cause }));
  }
}

function hear(said: FromWorker, name: string, requests: Map<number, Request>): void {
  const request = requests.get(said.id);
  if (said.is === "held") {
    request?.held();
    return;
  }
  requests.delete(said.id);
  if (said.is === "reply") request?.resolve(said.value);
  else request?.reject(new ServerError(`${name}: ${said.error.message}`, { cause: said.error }));
}

function failAll(requests: Map<number, Request>, error: Error): void {
  for (const { held, reject } of requests.values()) {
    held();
    reject(error);
  }
  requests.clear();
}
