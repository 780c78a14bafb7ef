import { describe, expect, it } from "vitest";
import { z } from "zod";
import { systemClock } from "./clock.js";
import {
  clockOption,
  durationOption,
  functionOption,
  prefixOption,
  redisOption,
  timeoutOption,
} from "./option-fragments.js";
import { parseOptions } from "./options.js";

const ioredis = { status: "ready", isCluster: false, eval: () => undefined, evalsha: () => undefined };
const nodeRedis = { isOpen: true, eval: () => undefined, evalSha: () => undefined };

describe("option fragments", () => {
  const parse = (schema: z.ZodType, value: unknown): unknown =>
    parseOptions(z.strictObject({ x: schema }), { x: value }, "createThing").x;

  it.each([
    ["a clock", clockOption, systemClock, systemClock],
    ["an ioredis client", redisOption, ioredis, ioredis],
    ["a node-redis client", redisOption, nodeRedis, nodeRedis],
    ["a timeout", timeoutOption(50), 60_000, 60_000],
    ["the default timeout", timeoutOption(50), undefined, 50],
    ["a prefix", prefixOption("scale:x"), "app", "app"],
    ["the default prefix", prefixOption("scale:x"), undefined, "scale:x"],
    ["a function", functionOption(), parse, parse],
    ["a duration with a unit", durationOption, "15m", 900_000],
    ["a duration in milliseconds", durationOption, 250, 250],
  ])("accepts %s", (_, schema, value, expected) => {
    expect(parse(schema, value)).toBe(expected);
  });

  it.each([
    [clockOption, { now: () => 0 }, "expected a clock with now and monotonic, got {}"],
    [redisOption, "redis://:secret@db", 'expected an ioredis or node-redis client, got "redis://***@db"'],
    [timeoutOption(50), 0, "got 0"],
    [timeoutOption(50), 60_001, "got 60001"],
    [prefixOption("p"), "", 'got ""'],
    [functionOption(), "x", 'expected a function, got "x"'],
    [functionOption("a loader"), undefined, "expected a loader, got undefined"],
    [durationOption, "15y", 'expected a duration such as 500 (ms), "30s" or "15m", got "15y"'],
  ])("names the option, the expectation and the value: %#", (schema, value, message) => {
    expect(() => parse(schema, value)).toThrow(/^createThing: x: /);
    expect(() => parse(schema, value)).toThrow(message);
  });
});
