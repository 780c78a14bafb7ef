import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { memoryStore } from "../memory/store.js";
import { createQueue } from "../queue/queue.js";
import type { Handlers } from "../worker/types.js";
import { defineJobs, findJob, job } from "./define.js";
import type { StandardSchema } from "./standard-schema.js";

const mail = job({
  input: z.object({ to: z.string(), at: z.coerce.date() }),
  output: z.object({ messageId: z.string() }),
  idempotencyKey: ({ to }) => to,
  cost: ({ to }) => to.length,
});
const jobs = defineJobs({ "mail.send": mail, "report.build": job({ input: z.number() }) });

describe("job", () => {
  it("has defaults", () => {
    expect(job({ input: z.string() })).toMatchObject({
      ...{ version: 1, maxAttempts: 3, maxCrashes: 3, timeoutMs: 300_000, priority: "normal", deadlineMs: undefined },
      backoff: { baseMs: 1000, maxMs: 300_000, isJittered: true },
    });
  });

  it.each([
    [{ attempts: 0 }, /attempts.*got 0/],
    [{ timeout: "soon" }, /timeout.*"soon"/],
    [{ cost: 0 }, /cost.*got 0/],
    [{ version: 1.5 }, /version.*1.5/],
    [{ retries: 3 }, /retries/],
    [{ version: 3, migrate: { 1: () => 1 } }, /expected a function for version 2/],
    [{ version: 2, migrate: { 2: () => 1 } }, /expected versions below 2, got 2/],
    [{ input: { parse: () => 1 } }, /input.*Standard Schema/],
  ])("names the wrong option %j", (options, message) => {
    expect(() => job({ input: z.string(), ...options } as never)).toThrow(message);
  });

  it.each(["", 7, undefined, "x".repeat(1025)])("refuses the idempotency key %j of a definition", (key) => {
    const keyed = job({ input: z.string(), idempotencyKey: () => key as string });
    expect(() => keyed.idempotencyKeyOf("x")).toThrow(/idempotencyKey: expected a string of 1 to 1024/);
  });

  it.each([0, -1, Number.NaN, Infinity, "1"])("refuses the cost %j of a definition", (cost) => {
    expect(() => job({ input: z.string(), cost: () => cost as number }).costOf("x")).toThrow(
      /cost: expected a number above 0/,
    );
  });
});

describe("defineJobs", () => {
  it("refuses what is no job", () => {
    expect(() => defineJobs({ a: {} as never })).toThrow(/a: expected job\(/);
    expect(() => defineJobs({ "": job({ input: z.string() }) })).toThrow(/names of 1 to 100/);
  });

  it("finds no job by the name of an object's own method", () => {
    expect(findJob(jobs, "constructor")).toBeUndefined();
    expect(findJob(jobs, "__proto__")).toBeUndefined();
  });

  it("types data, handlers and results by the name of the job", () => {
    const queue = createQueue(jobs, { store: memoryStore({ durability: "none" }) });
    type MailHandler = Handlers<typeof jobs>["mail.send"];
    expectTypeOf<Parameters<MailHandler>[0]["data"]>().toEqualTypeOf<{ to: string; at: Date }>();
    expectTypeOf<{ messageId: string } | Promise<{ messageId: string }>>().toEqualTypeOf<ReturnType<MailHandler>>();
    expectTypeOf(queue.enqueue<"report.build">)
      .parameter(1)
      .toEqualTypeOf<number>();
    // @ts-expect-error -- another job's data
    const wrong = () => queue.enqueue("report.build", { to: "x" });
    // @ts-expect-error -- no such job
    const unknown = () => queue.enqueue("mail", 1);
    expect([wrong, unknown]).toHaveLength(2);
  });

  it("takes the schema of any library of the standard", () => {
    const even: StandardSchema<number> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) =>
          typeof value === "number" && value % 2 === 0 ? { value } : { issues: [{ message: "odd" }] },
      },
    };
    const definition = job({ input: even, idempotencyKey: (value) => String(value) });
    expectTypeOf(definition.input).toEqualTypeOf<StandardSchema<number, number>>();
    expect(definition.idempotencyKeyOf(2)).toBe("2");
  });
});
