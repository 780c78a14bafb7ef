import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, ID, PATIENCE_MS, type Stage, type StagedNode, within } from "./stage.js";

export interface Outcome {
  readonly row: string;
  readonly outcome: string;
  /** True if the outcome is the expected one. */
  readonly isRight: boolean;
}

/** A sequence of steps with one row of data that several processes cache. All entries live for ten minutes. */
export type Scenario = (stage: Stage) => Promise<Outcome[]>;

/** Time for messages, and for writes in the background. */
const SETTLE_MS = 200;

/** Nothing goes wrong. A cache that is stale here has no bus. */
const undisturbed: Scenario = async (stage) => {
  const [reading, deleting] = [await stage.node(), await stage.node()];
  await reading.get(ID);
  await sleep(SETTLE_MS);
  stage.database.change();
  await within(PATIENCE_MS, deleting.del(ID));
  await sleep(SETTLE_MS);
  return [await read(stage, reading, "G0: deleted elsewhere, and nothing goes wrong")];
};

/** A load has read the old row, its process deletes the key, then the load returns. */
const ownDelete: Scenario = async (stage) => {
  const node = await stage.node();
  const held = stage.database.hold();
  const early = node.get(ID);
  await held.hasRead;
  stage.database.change();
  await within(PATIENCE_MS, node.del(ID));
  held.release();
  await early;
  await sleep(SETTLE_MS);
  const third = await stage.node();
  return [
    await read(stage, node, "G1: deleted during its own load, later read"),
    await read(stage, third, "G1b: the same, another process reads"),
  ];
};

/** The same, but another process deletes the key. */
const otherDelete: Scenario = async (stage) => {
  const [loading, deleting] = [await stage.node(), await stage.node()];
  const held = stage.database.hold();
  const early = loading.get(ID);
  await held.hasRead;
  stage.database.change();
  await within(PATIENCE_MS, deleting.del(ID));
  await sleep(SETTLE_MS);
  held.release();
  await early;
  await sleep(SETTLE_MS);
  return [
    await read(stage, loading, "G2: deleted elsewhere during a load, the loading process reads"),
    await read(stage, deleting, "G2b: the same, the deleting process reads"),
  ];
};

/** A read after the delete must not return the row that a load has read before it. */
const rightAfter: Scenario = async (stage) => {
  const node = await stage.node();
  const held = stage.database.hold();
  const early = node.get(ID);
  await held.hasRead;
  stage.database.change();
  await within(PATIENCE_MS, node.del(ID));
  const value = node.get(ID);
  // A read that has joined the old load waits for it.
  await Promise.race([value, sleep(SETTLE_MS)]);
  held.release();
  await early;
  return [judge(stage, "G3: read right after the delete, while the old load runs", await within(PATIENCE_MS, value))];
};

/** A process misses the message of another one. */
const lostMessage: Scenario = async (stage) => {
  const [reading, deleting] = [await stage.node(), await stage.node()];
  await reading.get(ID);
  await sleep(SETTLE_MS);
  await reading.messages.down();
  stage.database.change();
  await within(PATIENCE_MS, deleting.del(ID));
  await reading.messages.up();
  await sleep(2500);
  return [await read(stage, reading, "G4: the subscription was cut and the message lost, 2.5 s later")];
};

/** A process deletes without a connection to Redis. */
const outage: Scenario = async (stage) => {
  const deleting = await stage.node();
  await deleting.get(ID);
  await sleep(SETTLE_MS);
  await deleting.commands.down();
  // Time for the cache to notice the lost connection.
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
      // The result must come soon, and must not report success.
      isRight: answer.ms < 500 && answer.text !== "true" && answer.text !== "undefined",
    },
    await read(stage, third, "G5b: after recovery another process reads"),
    await read(stage, deleting, "G5c: after recovery the deleting process reads"),
  ];
};

/** Redis accepts connections, and does not answer. */
const stalled: Scenario = async (stage) => {
  const node = await stage.node();
  node.commands.stall();
  const answer = await within(PATIENCE_MS, node.get(ID));
  node.commands.unstall();
  const isRight = answer.ms < 500 && stage.database.isFresh(answer.value);
  const outcome = answer.value === undefined ? answerOf(answer) : `answers in ${Math.round(answer.ms)} ms`;
  return [{ row: "G6: read of a cold key, Redis stalled", outcome, isRight }];
};

export const SCENARIOS: readonly Scenario[] = [
  undisturbed,
  ownDelete,
  otherDelete,
  rightAfter,
  lostMessage,
  outage,
  stalled,
];

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
