import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type Request, type RequestHandler, type Response } from "express";
import { MemoryStore, type Options, rateLimit, type Store } from "express-rate-limit";
import { rateLimitStore } from "@scale/rate-limit/express-rate-limit";
import { type Play, playedOnce, type Transcript } from "../compare.js";
import { type StoppedTime, withStoppedTime } from "../stopped-time.js";
import type { StoreKind } from "../stores.js";

/** The headers of a rate limit, in the order in which a transcript shows them. */
const HEADERS = [
  "x-ratelimit-limit",
  "x-ratelimit-remaining",
  "x-ratelimit-reset",
  "ratelimit-policy",
  "ratelimit",
  "ratelimit-limit",
  "ratelimit-remaining",
  "ratelimit-reset",
  "retry-after",
] as const;

/** One application in front of which limiters of express-rate-limit stand. */
export interface Stage {
  readonly advance: StoppedTime["advance"];
  /** A new store with the given counts: those of its name, if it is ours. */
  store(name?: string): Store & Required<Pick<Store, "init" | "get" | "resetAll" | "shutdown">>;
  /** Mounts a limiter with a new store. */
  limit(options?: Partial<Options>): ReturnType<typeof rateLimit>;
  use(handler: RequestHandler): void;
  /** Status, headers of the limit and body. */
  get(path?: string): Promise<Transcript>;
  /** The status alone. */
  status(path?: string): Promise<number>;
  /** The figures that the limiter gave the handlers of the last request. */
  readonly info: () => unknown;
}

type StageStore = ReturnType<Stage["store"]>;

/** Work that a response leaves to be done: the middleware takes hits back after it, and no request waits for that. */
class Aftermath {
  readonly #pending = new Set<Promise<unknown>>();

  /** Remembers the end of the response. */
  readonly watch: RequestHandler = (_request, response, next) => {
    this.#pending.add(new Promise((resolve) => response.once("close", resolve)));
    next();
  };

  /** The store, with decrements that are remembered. */
  tracked(store: StageStore): StageStore {
    const decrement = store.decrement.bind(store);
    store.decrement = async (key) => {
      const work = Promise.resolve(decrement(key));
      this.#pending.add(work);
      await work;
    };
    return store;
  }

  async done(): Promise<void> {
    while (this.#pending.size > 0) {
      const all = [...this.#pending];
      await Promise.all(all);
      for (const each of all) this.#pending.delete(each);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function answer(request: Request, response: Response): void {
  const status = Number(request.query["status"] ?? 200);
  response.status(status).send(`answer ${status}`);
}

async function withStage<T>(
  time: StoppedTime,
  createStore: (name: string) => ReturnType<Stage["store"]>,
  work: (stage: Stage) => Promise<T>,
): Promise<T> {
  const app = express();
  let last: Request | undefined;
  const aftermath = new Aftermath();
  app.use(aftermath.watch, (request, _response, next) => {
    last = request;
    next();
  });
  const server = createServer(app).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  let limiters = 0;
  let isServing = false;
  async function send(path: string): Promise<{ response: globalThis.Response; text: string }> {
    if (!isServing) app.use(answer);
    isServing = true;
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    const text = await response.text();
    await aftermath.done();
    return { response, text };
  }
  const stage: Stage = {
    advance: time.advance,
    store: (name = "store") => createStore(name),
    limit(options = {}) {
      const store = aftermath.tracked(createStore(`limiter${limiters++}`));
      const limiter = rateLimit({ store, validate: false, ...options });
      app.use(limiter);
      return limiter;
    },
    use: (handler) => void app.use(handler),
    async get(path = "/") {
      const { response, text } = await send(path);
      const { status, headers } = response;
      const sent = HEADERS.flatMap((name) => (headers.has(name) ? [`${name}: ${headers.get(name)}`] : []));
      return [status, ...sent, text];
    },
    status: async (path = "/") => (await send(path)).response.status,
    info: () => (last === undefined ? undefined : { ...(last as Request & { rateLimit?: object }).rateLimit }),
  };
  try {
    return await work(stage);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Plays a behavior over the library's own store. */
export const playTheirs: Play<Stage> = playedOnce((behavior) =>
  withStoppedTime((time) => withStage(time, () => new MemoryStore(), behavior.play)),
);

/** Plays a behavior over a store of ours. */
export const playOurs =
  (kind: StoreKind): Play<Stage> =>
  (behavior) =>
    withStoppedTime((time) => {
      const { clock } = time;
      const store = kind.create(clock);
      return withStage(time, (name) => rateLimitStore({ store, name, clock, timeoutMs: 2000 }), behavior.play);
    });
