import { parseOptions } from "@scale/core";
import type { HttpGuard } from "@scale/http";
import { z } from "zod";

export interface ScaleModuleOptions {
  /** The guards of the application, by the names that `everywhere` and the decorators use. */
  guards: Readonly<Record<string, HttpGuard>>;
  /**
   * Names of the guards that run on every route, in this order, before those that the route adds.
   * @default []
   */
  everywhere?: readonly string[];
}

/** The options as the module works with them. */
export interface GuardTable {
  readonly guards: ReadonlyMap<string, HttpGuard>;
  readonly everywhere: readonly string[];
}

const isGuard = (value: unknown): value is HttpGuard => typeof value === "function";

const optionsSchema = z
  .strictObject({
    guards: z.record(z.string(), z.custom<HttpGuard>(isGuard, "expected a guard, which is a function")),
    everywhere: z.array(z.string()).default([]),
  })
  .superRefine(({ guards, everywhere }, context) => {
    for (const [index, name] of everywhere.entries()) {
      if (Object.hasOwn(guards, name)) continue;
      const message = `expected one of ${Object.keys(guards).join(", ") || "no guards at all"}`;
      context.addIssue({ code: "custom", message, path: ["everywhere", index] });
    }
  });

/** @throws {ConfigError} that names the wrong option */
export function parseModuleOptions(options: ScaleModuleOptions): GuardTable {
  const { guards, everywhere } = parseOptions(optionsSchema, options, "ScaleModule");
  return { guards: new Map(Object.entries(guards)), everywhere };
}
