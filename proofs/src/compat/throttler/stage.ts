import "reflect-metadata";
import { Module, type Type } from "@nestjs/common";
import { APP_GUARD, NestFactory } from "@nestjs/core";
import {
  ThrottlerGuard,
  ThrottlerModule,
  type ThrottlerModuleOptions,
  type ThrottlerStorage,
  ThrottlerStorageService,
} from "@nestjs/throttler";
import { throttlerStorage } from "@scale/rate-limit/throttler";
import { type Behavior, type Play, playedOnce, type Transcript } from "../compare.js";
import { type StoppedTime, withStoppedTime } from "../stopped-time.js";
import type { StoreKind } from "../stores.js";

type Options = Exclude<ThrottlerModuleOptions, unknown[]>;

/** A storage of throttler, and Nest applications that use it. */
export interface Stage {
  readonly advance: StoppedTime["advance"];
  readonly storage: ThrottlerStorage;
  /** Requests to an application with the guard of throttler in front of all routes. */
  requests(
    options: Omit<Options, "storage">,
    controllers: Type[],
    work: (get: (path: string, headers?: Record<string, string>) => Promise<Transcript>) => Promise<Transcript>,
  ): Promise<Transcript>;
}

const HEADERS = /^(?:x-ratelimit-|retry-after)/;

@Module({})
class RootModule {}

async function requests(
  storage: ThrottlerStorage,
  [options, controllers, work]: Parameters<Stage["requests"]>,
): Promise<Transcript> {
  const app = await NestFactory.create(
    {
      module: RootModule,
      imports: [ThrottlerModule.forRoot({ ...options, storage })],
      providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
      controllers,
    },
    { logger: false, abortOnError: false },
  );
  try {
    await app.listen(0, "127.0.0.1");
    const url = await app.getUrl();
    return await work(async (path, headers = {}) => {
      const response = await fetch(url + path, { headers });
      // The headers of a response are sorted by name.
      const sent = [...response.headers].filter(([name]) => HEADERS.test(name)).map((header) => header.join(": "));
      return [response.status, ...sent, await response.text()];
    });
  } finally {
    await app.close();
  }
}

async function withStage(time: StoppedTime, storage: ThrottlerStorage, { play }: Behavior<Stage>): Promise<Transcript> {
  return play({
    advance: time.advance,
    storage,
    requests: (...of) => requests(storage, of),
  });
}

/** Plays a behavior over the library's own storage. */
export const playTheirs: Play<Stage> = playedOnce((behavior) =>
  withStoppedTime(async (time) => {
    const storage = new ThrottlerStorageService();
    try {
      return await withStage(time, storage, behavior);
    } finally {
      storage.onApplicationShutdown();
    }
  }),
);

/** Plays a behavior over a store of ours. */
export const playOurs =
  (kind: StoreKind): Play<Stage> =>
  (behavior) =>
    withStoppedTime((time) => {
      const storage = throttlerStorage({ store: kind.create(time.clock), name: "nest", timeoutMs: 2000 });
      return withStage(time, storage, behavior);
    });
