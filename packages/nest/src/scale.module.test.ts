import { type CanActivate, Controller, type ExecutionContext, Get, Module, UseGuards } from "@nestjs/common";
import { ExternalContextCreator } from "@nestjs/core";
import { InputError, type TenantContext, tenancy } from "@scale/core";
import { type HttpGuard, problem } from "@scale/http";
import { describe, expect, it } from "vitest";
import { ScaleModule } from "./scale.module.js";
import { SkipHttpGuards, UseHttpGuards } from "./scale.decorators.js";
import type { ScaleModuleOptions } from "./options.js";
import { tenantOf } from "./run-guard.js";
import { create, express, listen, platforms, start } from "../test/start.js";
import { CurrentTenant } from "./current-tenant.decorator.js";

/** A guard that reports in a header that it ran, and for which tenant. */
const reporting =
  (name: string): HttpGuard =>
  () => ({ headers: { "Server-Timing": `${name};desc="${tenancy.current()?.tenantId ?? "nobody"}"` } });

const tenant: HttpGuard = (facts) => {
  const tenantId = facts.header("x-tenant");
  return { headers: { "Server-Timing": "tenant" }, ...(tenantId !== undefined && { tenant: { tenantId } }) };
};

const options: ScaleModuleOptions = {
  guards: { tenant, api: reporting("api"), ai: reporting("ai"), upload: reporting("upload") },
  globalGuards: ["tenant", "api"],
};

@Controller("plain")
class PlainController {
  @Get() plain(): string {
    return tenancy.current()?.tenantId ?? "nobody";
  }
  @UseHttpGuards("ai") @Get("ai") ai(): string {
    return "ai";
  }
  @SkipHttpGuards() @Get("health") health(): string {
    return "up";
  }
  @Get("mine") mine(@CurrentTenant() current: TenantContext): TenantContext {
    return current;
  }
}

@UseHttpGuards("upload")
@SkipHttpGuards("api")
@Controller("files")
class FilesController {
  @Get() list(): string {
    return "files";
  }
  @UseHttpGuards("api") @Get("counted") counted(): string {
    return "counted";
  }
}

const controllers = [PlainController, FilesController];

class Look implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return tenantOf(context) !== undefined;
  }
}
@Controller("looked")
class LookedController {
  @UseGuards(Look) @Get() get(): string {
    return "ok";
  }
}

describe.each(platforms)("ScaleModule on %s", (_, newAdapter) => {
  const ran = async (url: string) => {
    const response = await fetch(url, { headers: { "x-tenant": "acme" } });
    return [response.status, response.headers.get("server-timing")];
  };

  it("runs the guards of each route in order, later ones for the tenant of an earlier one", async () => {
    const url = await start(newAdapter, { imports: [ScaleModule.forRoot(options)], controllers });
    const api = 'api;desc="acme"';
    expect(await ran(`${url}/plain`)).toEqual([200, `tenant, ${api}`]);
    expect(await ran(`${url}/plain/ai`)).toEqual([200, `tenant, ${api}, ai;desc="acme"`]);
    expect(await ran(`${url}/plain/health`)).toEqual([200, null]);
    expect(await ran(`${url}/files`)).toEqual([200, 'tenant, upload;desc="acme"']);
    expect(await ran(`${url}/files/counted`)).toEqual([200, `tenant, ${api}, upload;desc="acme"`]);
  });

  it("reads its options from a factory", async () => {
    @Module({ providers: [{ provide: "GUARD", useValue: reporting("made") }], exports: ["GUARD"] })
    class GuardModule {}
    const scale = ScaleModule.forRootAsync({
      imports: [GuardModule],
      inject: ["GUARD"],
      useFactory: async (guard: HttpGuard) => ({ guards: { made: guard }, globalGuards: ["made"] }),
    });
    const url = await start(newAdapter, { imports: [scale], controllers: [PlainControllerWithoutNames] });
    expect(await ran(`${url}/bare`)).toEqual([200, 'made;desc="nobody"']);
  });

  it("passes the tenant as a parameter, and answers 400 without one", async () => {
    const url = await start(newAdapter, { imports: [ScaleModule.forRoot(options)], controllers });
    const mine = await fetch(`${url}/plain/mine`, { headers: { "x-tenant": "acme" } });
    expect(await mine.json()).toEqual({ tenantId: "acme" });
    const nobody = await fetch(`${url}/plain/mine`);
    expect([nobody.status, nobody.headers.get("content-type")]).toEqual([400, "application/problem+json"]);
    expect(await nobody.json()).toMatchObject({ code: "SCALE_TENANT" });
  });

  it("returns the tenant to guards of the application, which run outside of its context", async () => {
    const url = await start(newAdapter, { imports: [ScaleModule.forRoot(options)], controllers: [LookedController] });
    expect((await ran(`${url}/looked`))[0]).toBe(200);
    expect((await fetch(`${url}/looked`)).status).toBe(403);
  });

  it("keeps a tenant that middleware opened before it", async () => {
    const app = await create(newAdapter, {
      imports: [ScaleModule.forRoot(options)],
      controllers: [...controllers, LookedController],
    });
    app.use((_request: unknown, _response: unknown, next: () => void) => tenancy.run({ tenantId: "wide" }, next));
    const url = await listen(app);
    const response = await fetch(`${url}/plain`);
    expect(response.headers.get("server-timing")).toBe('tenant, api;desc="wide"');
    expect(await response.text()).toBe("wide");
    expect((await fetch(`${url}/looked`)).status).toBe(200);
  });
});

@Controller("bare")
class PlainControllerWithoutNames {
  @Get() get(): string {
    return "ok";
  }
}

describe("ScaleModule: wrong wiring", () => {
  it.each<[string, object]>([
    ['globalGuards.0: expected one of tenant, got "tenat"', { guards: { tenant }, globalGuards: ["tenat"] }],
    ['globalGuards.0: expected one of no guards at all, got "toString"', { guards: {}, globalGuards: ["toString"] }],
    ["guards.tenant: expected a guard, which is a function, got 7", { guards: { tenant: 7 } }],
    ['Unrecognized key: "globalGards"', { guards: {}, globalGards: [] }],
  ])("does not start: %s", async (message, wrong) => {
    const imports = [ScaleModule.forRoot(wrong as ScaleModuleOptions)];
    const started = create(express, { imports });
    await expect(started).rejects.toThrow(`ScaleModule: `);
    await expect(started).rejects.toThrow(message);
    await expect(started).rejects.toMatchObject({ code: "SCALE_CONFIG" });
  });

  it.each([UseHttpGuards("ia"), SkipHttpGuards("ia")])(
    "does not start with a decorator that names no guard",
    async (decorator) => {
      @Controller()
      class WrongController {
        @decorator @Get() chat(): string {
          return "never";
        }
      }
      const app = await create(express, { imports: [ScaleModule.forRoot(options)], controllers: [WrongController] });
      await expect(app.init()).rejects.toMatchObject({
        code: "SCALE_CONFIG",
        message: 'WrongController.chat: expected a guard of ScaleModule (tenant, api, ai, upload), got "ia"',
      });
    },
  );
});

describe("ScaleModule: other transports", () => {
  it("runs no guard for a call that is not HTTP, and leaves its errors unchanged", async () => {
    const denied: HttpGuard = () => ({ reply: problem({ title: "No", status: 403 }) });
    class Resolver {
      ask = (fail: unknown): string => {
        if (fail === true) throw new InputError("no such page");
        return "answer";
      };
    }
    const app = await create(express, {
      imports: [ScaleModule.forRoot({ guards: { denied }, globalGuards: ["denied"] })],
      providers: [Resolver],
    });
    await app.init();
    const resolver = app.get(Resolver);
    const creator = app.get(ExternalContextCreator);
    const call = creator.create(
      resolver,
      resolver.ask,
      "ask",
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      "graphql",
    );
    expect(await call(false)).toBe("answer");
    await expect(call(true)).rejects.toThrow(new InputError("no such page"));
  });
});
