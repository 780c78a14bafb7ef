import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createHealth, drainEnd } from "../src/index.js";

/** What the program does, as JSON in its first argument. */
export interface DrainedProgram {
  readonly delayMs: number;
  readonly deadlineMs: number;
  /** A resource that never closes. */
  readonly isHanging?: boolean;
}

const { delayMs, deadlineMs, isHanging = false } = JSON.parse(process.argv[2] ?? "{}") as DrainedProgram;
const health = createHealth({ drain: { delayMs, deadlineMs } });
const server = createServer((request, response) => {
  setTimeout(() => response.end("ok"), request.url === "/slow" ? 300 : 0);
});
health.drain.attach(server);
health.drain.defer("resource", () => (isHanging ? new Promise(() => undefined) : undefined), { timeoutMs: 100 });
health.drain.onSignals();
drainEnd.subscribe(({ reason, resources }) => console.log(reason, resources.map(({ outcome }) => outcome).join()));
server.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
