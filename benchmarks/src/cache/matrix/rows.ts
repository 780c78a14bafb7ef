import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, ID, PATIENCE_MS, type Stage, type StagedNode, within } from "./stage.js";

export interface Outcome {
  readonly row: string;
  readonly outcome: string;
  /** Whether it is what the row asks for. */
  readonly isRight: boolean;
}

/** What happens to one row of data that several processes have cached. Everything lives for ten minutes. */
export type Scenario = (stage: Stage) => Promise<Outcome[]>;

/** Time for messages and for writes that nobody waits for. */
const SETTLE_MS = 200;

/** Nothing goes wrong: whoever is stale here has no bus. */
const calm: Scenario = async (stage) => {
  const [reading, deleting] = [await stage.node(), await stage.node()];
  await reading.get(ID);
  await sleep(SETTLE_MS);
  stage.database.change();
  await within(PATIENCE_MS, deleting.del(ID));
  await sleep(SETTLE_MS);
  return [await read(stage, reading, "G0: deleted elsewhere, and nothing goes wrong")];
};

/** A load has read the old row, this process ends it, the load comes back. */
const ownDelete: Scenario = async (stage) => {
  const node = await stage.node();
  const held = stage.database.hold();
  const early = node.get(ID);
  await held.hasRead;
  stage.database.change();
  await within(PATIENCE_MS, node.del(ID));
  held.letGo();
  await early;
  await sleep(SETTLE_MS);
  const third = await stage.node();
  return [
    await read(stage, node, "G1: deleted during its own load, later read"),
    await read(stage, third, "G1b: the same, another process reads"),
  ];
};

/** The same, and another process ends it. */
const otherDelete: Scenario = async (stage) => {
  const [loading, deleting] = [await stage.node(), await stage.node()];
  const held = stage.database.hold();
  const early = loading.get(ID);
  await held.hasRead;
  stage.database.change();
  await within(PATIENCE_MS, deleting.del(ID));
  await sleep(SETTLE_MS);
  held.letGo();
  await early;
  await sleep(SETTLE_MS);
  return [
    await read(stage, loading, "G2: deleted elsewhere during a load, the loading process reads"),
    await read(stage, deleting, "G2b: the same, the deleting process reads"),
  ];
};

/** Whoever comes after the delete must not be given what was read before it. */
const rightAfter: Scenario = async (stage) => {
  const node = await stage.node();
  const held = stage.database.hold();
  const early = node.get(ID);
  await held.hasRead;
  stage.database.change();
  await within(PATIENCE_MS, node.del(ID));
  const value = node.get(ID);
  // Whoever has joined the old load waits for it.
  await Promise.race([value, sleep(SETTLE_MS)]);
  held.letGo();
  await early;
  return [judge(stage, "G3: read right after the delete, while the old load runs", await within(PATIENCE_MS, value))];
};

/** A process misses the message that another has sent. */
const lostMessage: Scenario = async (stage) => {
  const [deaf, deleting] = [await stage.node(), await stage.node()];
  await deaf.get(ID);
  await sleep(SETTLE_MS);
  await deaf.messages.down();
  stage.database.change();
  await within(PATIENCE_MS, deleting.del(ID));
  await deaf.messages.up();
  await sleep(2500);
  return [await read(stage, deaf, "G4: the subscription was cut and the message lost, 2.5 s later")];
};

/** A process cannot reach Redis and deletes. */
const outage: Scenario = async (stage) => {
  const deleting = await stage.node();
  await deleting.get(ID);
  await sleep(SETTLE_MS);
  await deleting.commands.down();
  // As a cache sees it that has noticed the loss.
  await sleep(100);
  stage.database.change();
  const answer = await within(PATIENCE_MS, deleting.del(ID));
  await deleting.commands.up();
  await sleep(3000);
  const third = await stage.node();
  return [
    {
      row: "G5: deleted without a connection, the answer",
      outcome: answerOf(answer),
      // It must come soon, and not claim what was not done.
      isRight: answer.ms < 500 && answer.text !== "true" && answer.text !== "undefined",
    },
    await read(stage, third, "G5b: after recovery another process reads"),
    await read(stage, deleting, "G5c: after recovery the deleting process reads"),
  ];
};

/** Redis accepts, and answers nothing. */
const stalled: Scenario = async (stage) => {
  const node = await stage.node();
  node.commands.stall();
  const answer = await within(PATIENCE_MS, node.get(ID));
  node.commands.unstall();
  const isRight = answer.ms < 500 && stage.database.isFresh(answer.value);
  const outcome = answer.value === undefined ? answerOf(answer) : `answers in ${Math.round(answer.ms)} ms`;
  return [{ row: "G6: read of a cold key, Redis stalled", outcome, isRight }];
};

export const SCENARIOS: readonly Scenario[] = [calm, ownDelete, otherDelete, rightAfter, lostMessage, outage, stalled];

async function read(stage: Stage, node: StagedNode, row: string): Promise<Outcome> {
  return judge(stage, row, await within(PATIENCE_MS, node.get(ID)));
}

function judge(stage: Stage, row: string, answer: Answer): Outcome {
  const isRight = stage.database.isFresh(answer.value);
  if (answer.value === undefined) return { row, outcome: answerOf(answer), isRight: false };
  return { row, outcome: isRight ? "fresh" : "STALE", isRight };
}

function answerOf({ ms, text }: Answer): string {
  return text === undefined ? `hangs > ${PATIENCE_MS / 1000} s` : `${text} in ${Math.round(ms)} ms`;
}
