export { factsFromFetch, factsFromNode, type NodeRequest } from "./adapters/toolkit/facts.js";
export { endResponse, nodeHeaders } from "./adapters/toolkit/node-response.js";
export { onResponseEnd } from "./adapters/toolkit/node-response-end.js";
export { type SerializedReply, serializeReply } from "./adapters/toolkit/serialize-reply.js";
export { bindBody, bindEvents, type BodyBinding } from "./adapters/toolkit/tenant-streams.js";
export { inTenant } from "./chain.js";
export { checkVerdict } from "./check-verdict.js";
export { type HeaderSet, type HeaderTarget, mergeHeaders, writeHeaders } from "./headers.js";
export { problemFromError } from "./problem.js";
