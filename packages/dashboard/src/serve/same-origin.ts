import type { HttpFacts } from "@scale/http";

/** True for a request that a page of another origin has sent. Clients that are no browsers send none of these headers. */
export function isForeign({ header }: HttpFacts): boolean {
  const origin = header("origin");
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== header("host"))) return true;
  const site = header("sec-fetch-site");
  return site !== undefined && site !== "same-origin" && site !== "none";
}
