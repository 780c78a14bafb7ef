export { otlpSink, type OtlpSinkOptions } from "./sink.js";
