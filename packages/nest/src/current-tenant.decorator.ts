import { createParamDecorator } from "@nestjs/common";
import { type TenantContext, tenancy } from "@scale/core";
import { tenantOf } from "./run-guard.js";

/** Parameter decorator for the tenant of the request. Without a tenant the response is 400 with `SCALE_TENANT`. */
export const CurrentTenant: () => ParameterDecorator = createParamDecorator<undefined, TenantContext>(
  (_, context) => tenantOf(context) ?? tenancy.require(),
);
