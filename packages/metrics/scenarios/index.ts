export { conserve, type ConservationOptions, type ConservationResult } from "./conservation.js";
export { lateTenant, type LateTenantResult } from "./late-tenant.js";
export { type ParsedSample, parseText } from "./parse-text.js";
