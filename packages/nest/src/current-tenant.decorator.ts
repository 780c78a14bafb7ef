import { createParamDecorator } from "@nestjs/common";
import { type TenantContext, tenancy } from "@scale/core";
import { tenantOf } from "./run-guard.js";

/** The tenant of the request, as a parameter. Without one, `tenancy.require()` throws: SCALE_TENANT, status 400. */
export const CurrentTenant: () => ParameterDecorator = createParamDecorator<undefined, TenantContext>(
  (_, context) => tenantOf(context) ?? tenancy.require(),
);
