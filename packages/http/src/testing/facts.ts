import type { HttpFacts } from "../types.js";

export interface FactsInit {
  /** @default "GET" */
  method?: string;
  /** @default "/" */
  url?: string;
  remoteAddress?: string | undefined;
  /** Header values by name in lower case. */
  headers?: Readonly<Record<string, string>>;
  /** Parameters of the route, as a request of Express has them. */
  params?: Readonly<Record<string, unknown>>;
}

/** Facts of a fictitious request, for tests that call a guard. */
export function createFacts({
  method = "GET",
  url = "/",
  remoteAddress,
  headers = {},
  params,
}: FactsInit = {}): HttpFacts {
  return {
    method,
    url,
    remoteAddress,
    raw: params && { params },
    header: (name) => (Object.hasOwn(headers, name.toLowerCase()) ? headers[name.toLowerCase()] : undefined),
  };
}
