import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { NAMED_BY_URL, type TenantResolver, withSource } from "./source.js";

export interface FromSubdomainOptions {
  /** Domain below which each tenant has a label: `example.com` for `acme.example.com`. */
  domain: string;
}

const LABEL = /^[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d_])?$/;

const EXPECTED_DOMAIN = "expected a domain name";
const optionsSchema = z.strictObject({
  domain: z.string(EXPECTED_DOMAIN).refine((domain) => baseOf(domain).split(".").every(isLabel), EXPECTED_DOMAIN),
});

/**
 * Resolves the one label below `domain` in the `Host` header, in lower case. The port and a trailing dot are ignored.
 * Returns `undefined` for the domain itself, for two labels below it, for other hosts and for IP addresses.
 * @throws {ConfigError} for a `domain` that is not a domain name
 */
export function fromSubdomain(options: FromSubdomainOptions): TenantResolver {
  const { domain } = parseOptions(optionsSchema, options, "fromSubdomain");
  const suffix = `.${baseOf(domain)}`;
  const resolve: TenantResolver = (facts) => {
    // A name and a port only: in `[::1]:80` the first colon ends the match early, and the rest is not a label.
    const host = /^([^:]*)(?::\d*)?$/.exec(facts.header("host")?.toLowerCase() ?? "")?.[1] ?? "";
    const name = withoutDot(host);
    if (!name.endsWith(suffix)) return undefined;
    const label = name.slice(0, -suffix.length);
    return isLabel(label) ? label : undefined;
  };
  return withSource(resolve, NAMED_BY_URL);
}

const isLabel = (text: string): boolean => LABEL.test(text);
const baseOf = (domain: string): string => withoutDot(domain.toLowerCase());
const withoutDot = (name: string): string => (name.endsWith(".") ? name.slice(0, -1) : name);
