import { z } from "zod";
import type { RunStatement } from "../sql/client.js";

/** Calls functions of the store. All take and return text, which every client carries in the same way. */
export interface FunctionCalls {
  /** Texts that a function returns, in order. */
  rows(name: string, args: readonly Argument[], run?: RunStatement): Promise<readonly string[]>;
  one(name: string, args: readonly Argument[]): Promise<string>;
}

export type Argument = readonly [
  value: string | number | undefined,
  type: "text" | "int" | "float8" | "uuid" | "boolean",
];

const row = z.object({ value: z.string().nullable() });

export function createCalls(run: RunStatement, at: (name: string) => string): FunctionCalls {
  async function rows(name: string, args: readonly Argument[], on: RunStatement = run): Promise<readonly string[]> {
    const params: string[] = [];
    const list = args.map(([value, type]) => {
      if (value === undefined) return `null::${type}`;
      params.push(String(value));
      return `$${params.length}::text::${type}`;
    });
    const found = await on(`select r::text as value from ${at(name)}(${list.join(", ")}) as r`, params);
    return found.map((one) => row.parse(one).value ?? "");
  }
  return {
    rows,
    one: async (name, args) => (await rows(name, args))[0] ?? "",
  };
}
