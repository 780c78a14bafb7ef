// Route handlers of Next are fetch handlers. The route exports `dynamic = "force-dynamic"`.
export { sse } from "./fetch.js";
