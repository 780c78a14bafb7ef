import { ConfigError, tenancy } from "@scale/core";
import { describeValue, functionOption, parseOptions } from "@scale/core/kit";
import type { HttpFacts } from "@scale/http";
import { z } from "zod";
import type { Hub } from "../hub.js";
import type { Principal } from "../types.js";

export interface SseOptions<P extends Principal = Principal> {
  /**
   * Function that returns the subject of the connection. It throws to refuse: an `InputError` becomes its response.
   * @default tenant and user of `tenancy.require()`
   */
  readonly principal?: (facts: HttpFacts) => P | Promise<P>;
  /**
   * Function that returns the names of the topics. `authorize` of each is called afterwards.
   * @default every `topic` of the query
   */
  readonly topics?: (facts: HttpFacts) => readonly string[] | Promise<readonly string[]>;
}

export interface ParsedSseOptions {
  readonly principal: (facts: HttpFacts) => Principal | Promise<Principal>;
  readonly topics: (facts: HttpFacts) => readonly string[] | Promise<readonly string[]>;
}

/** Not through `URL`, which refuses the path `//` that a client may send. */
export function queryOf({ url }: HttpFacts): URLSearchParams {
  const start = url.indexOf("?");
  return new URLSearchParams(start < 0 ? "" : url.slice(start + 1));
}

const topicsOfQuery = (facts: HttpFacts): string[] => queryOf(facts).getAll("topic");

const optionsSchema = z.strictObject({
  principal: functionOption<ParsedSseOptions["principal"]>().default(() => () => tenancy.require()),
  topics: functionOption<ParsedSseOptions["topics"]>().default(() => topicsOfQuery),
});

/** @throws {ConfigError} that names the wrong option */
export function parseSseOptions<Data, P extends Principal, Tx>(
  hub: Hub<Data, P, Tx>,
  options: SseOptions<P>,
): ParsedSseOptions {
  if (typeof hub?.connect !== "function") throw new ConfigError(`sse: expected a hub, got ${describeValue(hub)}`);
  return parseOptions(optionsSchema, options, "sse");
}
