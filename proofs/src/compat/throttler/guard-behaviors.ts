import { Controller, Get, type Type } from "@nestjs/common";
import { SkipThrottle, Throttle } from "@nestjs/throttler";
import type { Behavior, Transcript } from "../compare.js";
import type { Stage } from "./stage.js";

const MINUTE = 60_000;

@Controller()
class PlainController {
  @Get("/") home(): string {
    return "home";
  }
  @Get("/other") other(): string {
    return "other";
  }
}

@Throttle({ default: { limit: 3, ttl: 30_000 } })
@Controller("limited")
class LimitedController {
  @Get() all(): string {
    return "by class";
  }
  @Throttle({ default: { limit: 1, ttl: 20_000, blockDuration: 5000 } })
  @Get("one")
  one(): string {
    return "by route";
  }
  @Throttle({ default: { limit: () => 2, ttl: async () => 10_000 } })
  @Get("computed")
  computed(): string {
    return "by function";
  }
  @SkipThrottle()
  @Get("skipped")
  skipped(): string {
    return "skipped";
  }
}

@SkipThrottle({ default: true })
@Controller("free")
class FreeController {
  @Get() free(): string {
    return "free";
  }
  @SkipThrottle({ default: false }) @Get("not") not(): string {
    return "not free";
  }
}

type Options = Parameters<Stage["requests"]>[0];

/** The answers to requests for these paths, one after the other. A number lets so many milliseconds pass. */
const onPaths = (
  name: string,
  options: Options,
  { steps, controllers = [PlainController] }: { steps: readonly (string | number)[]; controllers?: Type[] },
): Behavior<Stage> => ({
  name,
  play: (stage) =>
    stage.requests(options, controllers, async (get) => {
      const all: Transcript[] = [];
      for (const step of steps) {
        if (typeof step === "number") stage.advance(step);
        else all.push(await get(step, step === "/?bot" ? { "user-agent": "crawler" } : {}));
      }
      return all;
    }),
});

const times = (n: number, path: string): string[] => Array.from({ length: n }, () => path);
const two = { throttlers: [{ ttl: MINUTE, limit: 2 }] };

export const guardBehaviors: readonly Behavior<Stage>[] = [
  onPaths("counts each route apart, sends headers, and answers 429", two, {
    steps: [...times(3, "/"), ...times(3, "/other")],
  }),
  onPaths("counts down, and admits again after the block", two, {
    steps: [...times(3, "/other"), "/", 10_000, "/", "/", 49_000, "/other", "/", 1000, "/other"],
  }),
  onPaths("takes limits of the class, of the route, and from functions", two, {
    steps: [...times(4, "/limited"), ...times(2, "/limited/one"), ...times(3, "/limited/computed")],
    controllers: [LimitedController],
  }),
  onPaths("blocks a route for its own duration", two, {
    steps: [...times(2, "/limited/one"), 4000, "/limited/one", 1000, ...times(2, "/limited/one")],
    controllers: [LimitedController],
  }),
  onPaths("skips routes and classes", two, {
    steps: [...times(3, "/limited/skipped"), ...times(3, "/free"), ...times(3, "/free/not")],
    controllers: [LimitedController, FreeController],
  }),
  onPaths(
    "applies several throttlers, each with its headers",
    {
      throttlers: [
        { name: "short", ttl: 1000, limit: 2 },
        { name: "long", ttl: MINUTE, limit: 3 },
      ],
    },
    { steps: [...times(3, "/"), 1000, ...times(3, "/")] },
  ),
  onPaths("skips requests by a function", { ...two, skipIf: () => true }, { steps: times(3, "/") }),
  onPaths("ignores user agents", { ...two, ignoreUserAgents: [/crawler/] }, { steps: times(3, "/?bot") }),
  onPaths(
    "counts by its tracker and its keys",
    { ...two, getTracker: (request) => String(request["query"].client), generateKey: (_context, tracker) => tracker },
    { steps: ["/?client=a", "/other?client=a", "/?client=a", "/?client=b"] },
  ),
  onPaths("sends its own message", { ...two, errorMessage: "slow down" }, { steps: times(3, "/") }),
  onPaths("sends no headers on request", { ...two, setHeaders: false }, { steps: times(3, "/") }),
  onPaths(
    "refuses without a block until the window ends",
    { throttlers: [{ ttl: MINUTE, limit: 1, blockDuration: 0 }] },
    {
      steps: [...times(3, "/"), MINUTE, "/"],
    },
  ),
];
