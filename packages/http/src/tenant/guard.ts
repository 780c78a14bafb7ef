import {
  type EventChannel,
  isScaleError,
  type ScaleError,
  type TenantContext,
  TenantError,
  tenancy,
} from "@scale/core";
import { checkedCallback, defineEvent, functionOption, optionalStringResult, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { problemFromError } from "../problem.js";
import type { HttpFacts, HttpGuard, Verdict } from "../types.js";
import type { TenantResolver } from "./resolver.js";

export interface TenantGuardOptions {
  resolve: TenantResolver;
  /** Resolver of the user id. Called after the tenant is known. */
  user?: TenantResolver;
  /** Function that returns the client address: `clientIp({ trust })`. */
  ip?: (facts: HttpFacts) => string | null | undefined | Promise<string | null | undefined>;
}

const optionsSchema = z.strictObject({
  resolve: functionOption<TenantResolver>(),
  user: functionOption<TenantResolver>().optional(),
  ip: functionOption<NonNullable<TenantGuardOptions["ip"]>>().optional(),
});

/** A refused request: its tenant, its user or the token is missing or wrong. */
export interface TenantRefusal {
  readonly status: number;
  readonly error: ScaleError;
}

/** Published for every refusal, with the `cause` that the client does not see. */
export const tenantRefuse: EventChannel<TenantRefusal> = defineEvent("scale:http:tenant-refuse");

/**
 * Sets the tenant of a request, or refuses it: 400 with `SCALE_TENANT` without a valid id, 401 with `SCALE_CREDENTIAL` for
 * an invalid token. There is no default tenant: do not put this guard in front of routes without a tenant.
 * Errors that are not the client's, such as a store that did not answer, are thrown.
 * @throws {ConfigError} with the name of the wrong option
 */
export function tenantGuard(options: TenantGuardOptions): HttpGuard {
  const { resolve, user, ip } = parseOptions(optionsSchema, options, "tenantGuard");
  const findTenant = checkedCallback(resolve, optionalStringResult("tenantGuard: resolve"));
  const findUser = user && checkedCallback(user, optionalStringResult("tenantGuard: user"));
  const findAddress = ip && checkedCallback(ip, optionalStringResult("tenantGuard: ip"));
  return async (facts) => {
    try {
      const tenantId = await findTenant(facts);
      if (tenantId === undefined) throw new TenantError("expected a tenant, got none in this request");
      const userId = await findUser?.(facts);
      const found = findAddress?.(facts);
      const address = found instanceof Promise ? await found : found;
      const context: TenantContext = {
        tenantId,
        ...(userId !== undefined && { userId }),
        ...(address !== undefined && { ip: address }),
      };
      // `run` checks the ids, so that no adapter has to.
      return { tenant: tenancy.run(context, () => context) };
    } catch (error) {
      return refusal(error);
    }
  };
}

function refusal(error: unknown): Verdict {
  const reply = problemFromError(error);
  if (!isScaleError(error) || reply === undefined || reply.status >= 500) throw error;
  tenantRefuse.publish(() => ({ status: reply.status, error }));
  return { reply };
}
