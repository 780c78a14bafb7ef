import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Inject,
  type INestApplication,
  type ModuleMetadata,
  Param,
  Post,
  Redirect,
  StreamableFile,
} from "@nestjs/common";
import { ExpressAdapter, type NestExpressApplication } from "@nestjs/platform-express";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import type { HttpGuard } from "@scale/http";
import { type ContractRoutes, describeHttpAdapter, type TestServer } from "@scale/http/testing";
import { ScaleModule } from "./scale.module.js";
import { build, listen } from "../test/start.js";

const ROUTES = Symbol("routes");

@Controller()
class ContractController {
  readonly #routes: ContractRoutes;

  constructor(@Inject(ROUTES) routes: ContractRoutes) {
    this.#routes = routes;
  }

  @Get("/") home(): Promise<unknown> {
    return this.#routes.root();
  }

  @Post("/echo") @HttpCode(200) echo(@Body() body: string): Promise<unknown> {
    return this.#routes.echo(body);
  }

  @Get("/slow") slow(): Promise<unknown> {
    return this.#routes.slow();
  }

  @Get("/t/:tenant/*") orders(@Param("tenant") tenant: string): Promise<unknown> {
    return this.#routes.orders(tenant);
  }

  @Get("/error/:kind") fail(@Param("kind") kind: string): Promise<never> {
    return this.#routes.fail(kind);
  }

  @Get("/redirect") @Redirect("/", 302) redirect(): void {}

  @Get("/stream") stream(): StreamableFile {
    return new StreamableFile(Readable.from(this.#routes.lines(), { objectMode: false }), { type: "text/plain" });
  }
}

function moduleWith(guard: HttpGuard, routes: ContractRoutes): ModuleMetadata {
  return {
    imports: [ScaleModule.forRoot({ guards: { contract: guard }, globalGuards: ["contract"] })],
    providers: [{ provide: ROUTES, useValue: routes }],
    controllers: [ContractController],
  };
}

describeHttpAdapter("Nest on Express", async (guard, routes) => {
  const app = await build<NestExpressApplication>(new ExpressAdapter(), moduleWith(guard, routes));
  app.useBodyParser("text", { limit: "1mb" });
  return serve(app, routes);
});

describeHttpAdapter("Nest on Fastify", async (guard, routes) =>
  serve(await build(new FastifyAdapter(), moduleWith(guard, routes)), routes),
);

async function serve(app: INestApplication, routes: ContractRoutes): Promise<TestServer> {
  app.use((_request: unknown, response: ServerResponse, next: () => void) => {
    routes.before(response);
    next();
  });
  return { url: await listen(app), close: () => app.close() };
}
