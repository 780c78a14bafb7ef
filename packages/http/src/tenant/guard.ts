import {
  type EventChannel,
  isScaleError,
  type ScaleError,
  type TenantContext,
  TenantError,
  tenancy,
} from "@scale/core";
import { defineEvent, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { isFunction } from "../check-function.js";
import { problemFromError } from "../problem.js";
import type { HttpFacts, HttpGuard, Verdict } from "../types.js";
import type { TenantResolver } from "./resolver.js";

export interface TenantGuardOptions {
  resolve: TenantResolver;
  /** The user's id, where the request has one. Asked after the tenant is known. */
  user?: TenantResolver;
  /** The client's address: `clientIp({ trust })`. */
  ip?: (facts: HttpFacts) => string | undefined;
}

const optionsSchema = z.strictObject({
  resolve: z.custom<TenantResolver>(isFunction, "expected a function"),
  user: z.custom<TenantResolver>(isFunction, "expected a function").optional(),
  ip: z.custom<NonNullable<TenantGuardOptions["ip"]>>(isFunction, "expected a function").optional(),
});

/** A request that was refused because its tenant, its user or their token is missing or wrong. */
export interface TenantRefusal {
  readonly status: number;
  readonly error: ScaleError;
}

/** Published for every refusal, with the cause that the client does not see. */
export const tenantRefuse: EventChannel<TenantRefusal> = defineEvent("scale:http:tenant-refuse");

/**
 * Gives the request its tenant, or ends it: 400 with `SCALE_TENANT` without a usable id, 401 with `SCALE_CREDENTIAL`
 * for a token that is not valid. There is no default tenant. Routes that have no tenant do not get this guard.
 * Errors that are not the client's (a store that did not answer) are thrown.
 * @throws {ConfigError} that names the wrong option
 */
export function tenantGuard(options: TenantGuardOptions): HttpGuard {
  const { resolve, user, ip } = parseOptions(optionsSchema, options, "tenantGuard");
  return async (facts) => {
    try {
      const tenantId = await resolve(facts);
      if (tenantId === undefined) throw new TenantError("this request names no tenant");
      const userId = await user?.(facts);
      const address = ip?.(facts);
      const context: TenantContext = {
        tenantId,
        ...(userId !== undefined && { userId }),
        ...(address !== undefined && { ip: address }),
      };
      // Checks the ids, so that no bridge has to.
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
