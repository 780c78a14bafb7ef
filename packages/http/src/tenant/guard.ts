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
import { noteChosenByClient } from "./authentication.js";
import { isChosenByClient, sourceOf, type TenantResolver } from "./source.js";

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
 * Headers for shared caches: an answer depends on its tenant and its user, and is for no other client. A handler may replace
 * them.
 */
function cacheHeaders(resolvers: readonly (TenantResolver | undefined)[]): Readonly<Record<string, string>> {
  const names = resolvers.flatMap((resolver) => (resolver === undefined ? [] : sourceOf(resolver).vary));
  const vary = [...new Map(names.map((name) => [name.toLowerCase(), name])).values()].join(", ");
  return Object.freeze({ "Cache-Control": "private", ...(vary !== "" && { Vary: vary }) });
}

/**
 * Sets the tenant of a request, or refuses it: 400 with `SCALE_TENANT` without a valid id, 401 with `SCALE_CREDENTIAL` for
 * an invalid token. There is no default tenant: do not put this guard in front of routes without a tenant.
 * Errors that are not the client's, such as a store that did not answer, are thrown.
 * Responses get `Cache-Control: private`, and `Vary` with the headers that the resolvers read.
 * @throws {ConfigError} with the name of the wrong option
 */
export function tenantGuard(options: TenantGuardOptions): HttpGuard {
  const { resolve, user, ip } = parseOptions(optionsSchema, options, "tenantGuard");
  const findTenant = checkedCallback(resolve, optionalStringResult("tenantGuard: resolve"));
  const findUser = user && checkedCallback(user, optionalStringResult("tenantGuard: user"));
  const findAddress = ip && checkedCallback(ip, optionalStringResult("tenantGuard: ip"));
  const headers = cacheHeaders([resolve, user]);
  // Known to be chosen by the client: nothing is assumed of a function of the application.
  const isChosen = isChosenByClient(resolve) && (user === undefined || !sourceOf(user).isAuthenticated);
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
      const tenant = tenancy.run(context, () => context);
      if (isChosen) noteChosenByClient(facts);
      return { headers, tenant };
    } catch (error) {
      return refusal(error, headers);
    }
  };
}

function refusal(error: unknown, { Vary: vary }: Readonly<Record<string, string>>): Verdict {
  const reply = problemFromError(error);
  if (!isScaleError(error) || reply === undefined || reply.status >= 500) throw error;
  tenantRefuse.publish(() => ({ status: reply.status, error }));
  return { ...(vary !== undefined && { headers: { Vary: vary } }), reply };
}
