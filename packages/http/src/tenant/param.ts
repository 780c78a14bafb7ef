import { InputError } from "@scale/core";
import { describeValue, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { routeParam } from "./route-params.js";
import { NAMED_BY_URL, type TenantResolver, withSource } from "./source.js";

const optionsSchema = z.strictObject({ name: z.string().min(1) });

/**
 * Resolves a parameter of the route, as the router has matched and decoded it: `tenant` of `/t/:tenant/orders`. Guard and handler
 * then agree by construction. Put the guard on the route: in front of the router there are no parameters, and it returns
 * `undefined`. In Next it reads the `params` of the route handler.
 * The resolver throws InputError for a parameter that is not one string.
 * @throws {ConfigError} for an empty name
 */
export function fromParam(name: string): TenantResolver {
  parseOptions(optionsSchema, { name }, "fromParam");
  const resolve: TenantResolver = (facts) => {
    const value = routeParam(facts, name);
    return value instanceof Promise ? value.then((found) => stringIn(found, name)) : stringIn(value, name);
  };
  return withSource(resolve, NAMED_BY_URL);
}

function stringIn(value: unknown, name: string): string | undefined {
  if (value === undefined || value === "") return undefined;
  if (typeof value === "string") return value;
  throw new InputError(`parameter ${describeValue(name)}: expected one segment of the path, got ${typeof value}`);
}
