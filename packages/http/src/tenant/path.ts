import { InputError } from "@scale/core";
import { parseOptions, describeValue } from "@scale/core/kit";
import { z } from "zod";
import { NAMED_BY_URL, type TenantResolver, withSource } from "./source.js";

export interface FromPathOptions {
  /** Path before the id: `/t` for `/t/acme/orders`. With `/` the id is the first segment. */
  prefix: string;
}

const EXPECTED_PREFIX = 'expected a path that starts with "/"';
const optionsSchema = z.strictObject({
  prefix: z.string(EXPECTED_PREFIX).regex(/^\/[^?#]*$/, EXPECTED_PREFIX),
});

/**
 * Resolves the path segment after `prefix`, percent-decoded. The prefix is compared with its case. It parses the path a second
 * time: where the router has the id as a parameter, use `fromParam`.
 * Returns `undefined` for an empty segment, `.` and `..`.
 * The resolver throws InputError for percent-encoding that is not UTF-8.
 * @throws {ConfigError} for a prefix that does not start with `/` or holds `?` or `#`
 */
export function fromPath(options: FromPathOptions): TenantResolver {
  const { prefix } = parseOptions(optionsSchema, options, "fromPath");
  const start = prefix.endsWith("/") ? prefix : `${prefix}/`;
  const resolve: TenantResolver = ({ url }) => {
    if (!url.startsWith(start)) return undefined;
    const segment = decode(/^[^/?#]*/.exec(url.slice(start.length))?.[0] ?? "");
    return segment === "" || segment === "." || segment === ".." ? undefined : segment;
  };
  return withSource(resolve, NAMED_BY_URL);
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new InputError(`path: expected percent-encoded UTF-8, got ${describeValue(segment)}`, { cause });
  }
}
