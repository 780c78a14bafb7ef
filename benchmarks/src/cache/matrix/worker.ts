import { serveWorker } from "@scale/testkit";
import { type Contender, CONTENDERS } from "./contenders.js";
import { type Outcome, SCENARIOS } from "./rows.js";
import { createStage } from "./stage.js";

export interface Seen {
  readonly outcomes: readonly Outcome[];
  /** Errors that would have ended the process. */
  readonly uncaught: readonly string[];
}

/** One process for each cache, because uncaught errors and open connections must not affect the others. */
serveWorker(async (_message, { index, args }): Promise<Seen> => {
  const { url } = args as { url: string };
  const uncaught = new Set<string>();
  const note = (error: unknown): void => void uncaught.add(String(error));
  process.on("uncaughtException", note).on("unhandledRejection", note);
  // Some caches print each failure, and this benchmark causes failures.
  console.error = () => undefined;
  const { start } = CONTENDERS[index] as Contender;
  // The scenarios run at the same time, because each has its own processes, proxies and keys.
  const outcomes = SCENARIOS.map((scenario, i) => scenario(createStage(url, start, `matrix-${index}-${i}`)));
  return { outcomes: (await Promise.all(outcomes)).flat(), uncaught: [...uncaught] };
});
