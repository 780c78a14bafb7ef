export { statsdSink, type StatsdClient, type StatsdSinkOptions } from "./sink.js";
