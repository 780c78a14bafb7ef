import type { HttpFacts } from "../types.js";

export interface FactsInit {
  /** @default "GET" */
  method?: string;
  /** @default "/" */
  url?: string;
  remoteAddress?: string | undefined;
  /** Header values by name in lower case. */
  headers?: Readonly<Record<string, string>>;
}

/** Facts of a fictitious request, for tests that call a guard. */
export function createFacts({ method = "GET", url = "/", remoteAddress, headers = {} }: FactsInit = {}): HttpFacts {
  return {
    method,
    url,
    remoteAddress,
    raw: undefined,
    header: (name) => (Object.hasOwn(headers, name.toLowerCase()) ? headers[name.toLowerCase()] : undefined),
  };
}
