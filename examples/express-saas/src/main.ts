import { startupMessage } from "./startup-message.js";
import { describeError } from "./describe-error.js";
import { readEnv } from "./env.js";
import { type Example, startExample } from "./index.js";

/** An outage fails every request, so at most one error per second is logged. */
const LOG_INTERVAL_MS = 1000;
let quietUntil = 0;

function logError(error: unknown): void {
  const now = performance.now();
  if (now < quietUntil) return;
  quietUntil = now + LOG_INTERVAL_MS;
  console.error(describeError(error));
}

function exitWithError(error: unknown): void {
  console.error(`express-saas: ${describeError(error)}`);
  process.exitCode = 1;
}

/** Calls `stop` on the first signal (Ctrl-C, process manager, closed terminal). A second signal exits at once. */
function onSignal(stop: () => void): void {
  let asked = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (asked) process.exit(1);
      asked = true;
      stop();
    });
  }
}

async function main(): Promise<void> {
  const starting = startExample({ ...readEnv(process.env), onError: logError });
  const stopAsked = new Promise<void>((resolve) => onSignal(resolve));
  const example: Example = await starting;
  // Prints localhost, which is easier to type. The server listens on loopback only.
  console.log(startupMessage(example, example.url.replace("127.0.0.1", "localhost")));
  await stopAsked;
  await example.stop();
}

main().catch(exitWithError);
