import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createHealth, drainEnd, drainStart } from "../src/index.js";

/** First argument of the program, as JSON. */
export interface DrainedProgram {
  readonly delayMs: number;
  readonly deadlineMs: number;
  /** A resource that never closes. */
  readonly isHanging?: boolean;
}

const { delayMs, deadlineMs, isHanging = false } = JSON.parse(process.argv[2] ?? "{}") as DrainedProgram;
/** Time that the test has skipped. */
let skippedMs = 0;
const clock = { now: () => Date.now(), monotonic: () => performance.now() + skippedMs };
process.on("message", () => {
  skippedMs += 2_000;
  process.send?.("skipped");
});
// The channel to the test must not keep the program alive.
process.channel?.unref();

const health = createHealth({ drain: { delayMs, deadlineMs }, clock });
const server = createServer((request, response) => {
  process.send?.("request");
  setTimeout(() => response.end("ok"), request.url === "/slow" ? 300 : 0);
});
health.drain.attach(server);
health.drain.defer("resource", () => (isHanging ? new Promise(() => undefined) : undefined), { timeoutMs: 100 });
health.drain.onSignals();
drainStart.subscribe(() => void process.send?.("draining"));
const print = (line: string): void => void process.stdout.write(`${line}\n`);
drainEnd.subscribe(({ reason, resources }) => print(`${reason} ${resources.map(({ outcome }) => outcome).join()}`));
server.listen(0, "127.0.0.1", () => {
  print(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
