import {
  type ArgumentsHost,
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  HttpException,
  Res,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from "@nestjs/common";
import { InputError, tenancy } from "@scale/core";
import { type HttpGuard, problem } from "@scale/http";
import { describe, expect, it } from "vitest";
import { ProblemFilter } from "./problem.filter.js";
import { toNestGuard } from "./scale.guard.js";
import { TenancyInterceptor } from "./tenancy.interceptor.js";
import { ScaleModule } from "./scale.module.js";
import { create, listen, platforms, start } from "../test/start.js";

const denied: HttpGuard = () => ({
  headers: { "X-Plan": "free", Vary: "Origin" },
  reply: problem({ title: "Too Many Requests", status: 429, headers: { "Retry-After": "30", Vary: "Accept" } }),
});
const acme: HttpGuard = () => ({ headers: { "X-Plan": "pro" }, tenant: { tenantId: "acme" } });
const body = '{"title":"Too Many Requests","status":429}';

interface AnyReply {
  raw?: AnyReply;
  status(code: number): { send(body: unknown): void };
  write(text: string): void;
  end(text: string): void;
}

@Catch()
class OwnFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const status = error instanceof HttpException ? error.getStatus() : 500;
    const seen = error instanceof HttpException ? error.getResponse() : String(error);
    host.switchToHttp().getResponse<AnyReply>().status(status).send({ own: seen });
  }
}

@Controller()
class GuardedController {
  @Get("/") get(): string {
    return "never";
  }
}

describe.each(platforms)("ProblemFilter on %s", (_, newAdapter) => {
  it("leaves a denial to a filter of the application, with the guard's headers except for the media type", async () => {
    const imports = [ScaleModule.forRoot({ guards: { denied }, globalGuards: ["denied"] })];
    const app = await create(newAdapter, { imports, controllers: [GuardedController] });
    app.useGlobalFilters(new OwnFilter());
    const response = await fetch(await listen(app));
    expect(response.status).toBe(429);
    expect(await response.json()).toEqual({ own: JSON.parse(body) });
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(response.headers.get("retry-after")).toBe("30");
    expect(response.headers.get("vary")).toBe("Origin, Accept");
  });

  it("cuts the connection when a handler fails during its body", async () => {
    @Controller()
    class HalfController {
      @Get("/") get(@Res() response: AnyReply): void {
        (response.raw ?? response).write("half");
        throw new InputError("the other half");
      }
    }
    const url = await start(newAdapter, {
      imports: [ScaleModule.forRoot({ guards: {} })],
      controllers: [HalfController],
    });
    await expect(fetch(url).then((response) => response.text())).rejects.toThrow(/terminated|fetch failed/);
  });
});

describe.each(platforms)("ProblemFilter on %s, for a refusal after the response has begun", (_, newAdapter) => {
  const get = async (write: (raw: AnyReply) => void): Promise<[number, string]> => {
    class Early implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        const response = context.switchToHttp().getResponse<AnyReply>();
        write(response.raw ?? response);
        return true;
      }
    }
    @UseGuards(Early, toNestGuard(denied))
    @Controller()
    class EarlyController extends GuardedController {}
    const imports = [ScaleModule.forRoot({ guards: {} })];
    const response = await fetch(await start(newAdapter, { imports, controllers: [EarlyController] }));
    return [response.status, await response.text()];
  };

  it("cuts the connection, because no code is left that ends the response", async () => {
    await expect(get((raw) => raw.write("early"))).rejects.toThrow(/terminated|fetch failed/);
  });

  it("leaves a response that is complete, and on its way", async () => {
    const whole = "early, and whole ".repeat(300_000);
    const [status, text] = await get((raw) => raw.end(whole));
    expect([status, text.length, text === whole]).toEqual([200, whole.length, true]);
  });
});

describe.each(platforms)("toNestGuard on %s", (_, newAdapter) => {
  it("works without the module, in Nest's format", async () => {
    @UseGuards(toNestGuard(denied))
    @Controller()
    class AloneController extends GuardedController {}
    const response = await fetch(await start(newAdapter, { controllers: [AloneController] }));
    expect([response.status, await response.text()]).toEqual([429, body]);
    expect(response.headers.get("x-plan")).toBe("free");
    expect(response.headers.get("retry-after")).toBe("30");
  });

  it("responds like the module with its filter and interceptor", async () => {
    @UseFilters(ProblemFilter)
    @UseInterceptors(TenancyInterceptor)
    @Controller()
    class AloneController {
      @UseGuards(toNestGuard(acme)) @Get("/") get(): string {
        return tenancy.require().tenantId;
      }
      @UseGuards(toNestGuard(acme), toNestGuard(denied)) @Get("/denied") denied(): string {
        return "never";
      }
    }
    const url = await start(newAdapter, { controllers: [AloneController] });
    expect(await (await fetch(url)).text()).toBe("acme");
    const response = await fetch(`${url}/denied`);
    expect([response.status, await response.text()]).toEqual([429, body]);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(response.headers.get("x-plan")).toBe("free");
  });

  it("runs for the tenant of the module's guard", async () => {
    const look: HttpGuard = () => ({ headers: { "x-seen": tenancy.current()?.tenantId ?? "nobody" } });
    @Controller()
    class BothController {
      @UseGuards(toNestGuard(look)) @Get("/") get(): string {
        return "ok";
      }
    }
    const imports = [ScaleModule.forRoot({ guards: { acme }, globalGuards: ["acme"] })];
    const response = await fetch(await start(newAdapter, { imports, controllers: [BothController] }));
    expect(response.headers.get("x-seen")).toBe("acme");
  });
});
