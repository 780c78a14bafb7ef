export { sentrySink, type SentryLike, type SentrySinkOptions } from "./sink.js";
