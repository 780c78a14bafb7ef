import type { HttpFacts } from "../types.js";

export interface FactsInit {
  /** @default "GET" */
  method?: string;
  /** @default "/" */
  url?: string;
  remoteAddress?: string | undefined;
  /** Names in lower case. */
  headers?: Readonly<Record<string, string>>;
}

/** The facts of a request that nobody sent, to call a guard with. */
export function createFacts({ method = "GET", url = "/", remoteAddress, headers = {} }: FactsInit = {}): HttpFacts {
  return {
    method,
    url,
    remoteAddress,
    raw: undefined,
    header: (name) => (Object.hasOwn(headers, name.toLowerCase()) ? headers[name.toLowerCase()] : undefined),
  };
}
