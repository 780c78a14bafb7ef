import { serveWorker } from "@scale/testkit";
import { type Contender, CONTENDERS } from "./contenders.js";
import { type Outcome, SCENARIOS } from "./rows.js";
import { createStage } from "./stage.js";

export interface Seen {
  readonly outcomes: readonly Outcome[];
  /** What would have ended the process. */
  readonly uncaught: readonly string[];
}

/** A process for each contender: what a cut connection throws out of all reach is its own, and so is what it leaves open. */
serveWorker(async (_message, { index, args }): Promise<Seen> => {
  const { url } = args as { url: string };
  const uncaught = new Set<string>();
  const note = (error: unknown): void => void uncaught.add(String(error));
  process.on("uncaughtException", note).on("unhandledRejection", note);
  // Some print each failure, and failures are made on purpose.
  console.error = () => undefined;
  const { start } = CONTENDERS[index] as Contender;
  // The scenarios together: each has nodes, proxies and keys of its own.
  const outcomes = SCENARIOS.map((scenario, i) => scenario(createStage(url, start, `matrix-${index}-${i}`)));
  return { outcomes: (await Promise.all(outcomes)).flat(), uncaught: [...uncaught] };
});
