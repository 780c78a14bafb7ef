export { factsFromFetch, factsFromNode, type NodeRequest } from "./adapters/toolkit/facts.js";
export { endResponse, nodeHeaders } from "./adapters/toolkit/node-response.js";
export { type SerializedReply, serializeReply } from "./adapters/toolkit/serialize-reply.js";
export { bindEvents, readFor } from "./adapters/toolkit/tenant-streams.js";
export { inTenant } from "./chain.js";
export { type HeaderSet, type HeaderTarget, mergeHeaders, writeHeaders } from "./headers.js";
export { onResponseEnd } from "./on-end.js";
export { problemFromError } from "./problem.js";
