import { type INestApplication, Module, type ModuleMetadata } from "@nestjs/common";
import { type AbstractHttpAdapter, NestFactory } from "@nestjs/core";
import { ExpressAdapter } from "@nestjs/platform-express";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import { afterEach } from "vitest";

export type NewAdapter = () => AbstractHttpAdapter;

export const express: NewAdapter = () => new ExpressAdapter();

/** Both frameworks that Nest supports. */
export const platforms: readonly (readonly [name: string, newAdapter: NewAdapter])[] = [
  ["Express", express],
  ["Fastify", () => new FastifyAdapter()],
];

@Module({})
class RootModule {}

const running: INestApplication[] = [];

/** Builds an application. It throws start-up errors, which Nest by default logs before it exits. */
export function build<App extends INestApplication>(
  adapter: AbstractHttpAdapter,
  metadata: ModuleMetadata,
): Promise<App> {
  return NestFactory.create<App>({ module: RootModule, ...metadata }, adapter, { logger: false, abortOnError: false });
}

/** Builds an application that closes when the test ends. */
export async function create(newAdapter: NewAdapter, metadata: ModuleMetadata): Promise<INestApplication> {
  const app = await build(newAdapter(), metadata);
  running.push(app);
  return app;
}

/** Builds and serves an application that closes when the test ends. @returns its URL without a trailing slash */
export async function start(newAdapter: NewAdapter, metadata: ModuleMetadata): Promise<string> {
  return listen(await create(newAdapter, metadata));
}

export async function listen(app: INestApplication): Promise<string> {
  await app.listen(0, "127.0.0.1");
  return app.getUrl();
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((app) => app.close()));
});
