import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createHealth, drainEnd } from "../src/index.js";

/** First argument of the program, as JSON. */
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
const print = (line: string): void => void process.stdout.write(`${line}\n`);
drainEnd.subscribe(({ reason, resources }) => print(`${reason} ${resources.map(({ outcome }) => outcome).join()}`));
server.listen(0, "127.0.0.1", () => {
  print(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
