import type { Request } from "express";
import type { Behavior, Transcript } from "../compare.js";
import type { Stage } from "./stage.js";

const MINUTE = 60_000;

/** Statuses of `n` requests, one after the other. */
async function statuses(stage: Stage, n: number, path?: string): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < n; i++) all.push(await stage.status(path));
  return all;
}

const played = (name: string, play: (stage: Stage) => Promise<Transcript>): Behavior<Stage> => ({ name, play });

const admission: Behavior<Stage>[] = [
  played("admits requests up to the limit, and answers the next with 429", async (stage) => {
    stage.limit({ limit: 2 });
    return [await stage.get(), await stage.get(), await stage.get(), await stage.get()];
  }),
  played("admits a client again in the next window, window after window", async (stage) => {
    stage.limit({ limit: 2, windowMs: MINUTE });
    const all = [];
    for (let window = 0; window < 3; window++) {
      all.push(await statuses(stage, 3));
      stage.advance(MINUTE);
    }
    return all;
  }),
  played("admits five requests a minute by default", async (stage) => {
    stage.limit();
    return statuses(stage, 6);
  }),
  played("admits nothing at a limit of 0", async (stage) => {
    stage.limit({ limit: 0 });
    return [await stage.get()];
  }),
  played("takes the limit from a function of the request", async (stage) => {
    stage.limit({ limit: (request: Request) => Number(request.query["limit"]) });
    return [await stage.get("/?limit=1"), await stage.get("/?limit=3"), await stage.get("/?limit=2")];
  }),
  played("takes the limit from an async function", async (stage) => {
    stage.limit({ limit: async () => 1 });
    return statuses(stage, 2);
  }),
  played("admits exactly the limit of requests that come at once", async (stage) => {
    stage.limit({ limit: 7 });
    const all = await Promise.all(Array.from({ length: 20 }, () => stage.status()));
    return all.toSorted((a, b) => a - b);
  }),
  played("counts clients by their key", async (stage) => {
    stage.limit({ limit: 1, keyGenerator: (request: Request) => request.url });
    return [
      await statuses(stage, 2, "/?key=a"),
      await statuses(stage, 2, "/?key=b"),
      await statuses(stage, 1, "/?key=a"),
    ];
  }),
  played("counts keys of every form apart", async (stage) => {
    const keys = ["a:b", "a", "a:", ":", "*", "{a}", " ", "é", "\u0000", "x".repeat(300)];
    stage.limit({ limit: 1, keyGenerator: (request: Request) => keys[Number(request.query["key"])] ?? "" });
    const first = await Promise.all(keys.map((_, i) => stage.status(`/?key=${i}`)));
    return [...first, ...(await Promise.all(keys.map((_, i) => stage.status(`/?key=${i}`))))];
  }),
  played("skips requests by a function, and does not count them", async (stage) => {
    stage.limit({ limit: 1, skip: (request: Request) => request.query["skip"] === "1" });
    return [...(await statuses(stage, 3, "/?skip=1")), ...(await statuses(stage, 2))];
  }),
  played("counts two limiters with a store each apart", async (stage) => {
    stage.limit({ limit: 3, requestPropertyName: "outer" });
    stage.limit({ limit: 1 });
    return [await stage.get(), await stage.get(), stage.info()];
  }),
];

const answers: Behavior<Stage>[] = [
  played("sends the legacy headers by default, and none on request", async (stage) => {
    stage.limit({ limit: 2, legacyHeaders: false });
    return [await stage.get(), await stage.get(), await stage.get()];
  }),
  ...(["draft-6", "draft-7", "draft-8"] as const).map((draft) =>
    played(`sends the headers of ${draft}`, async (stage) => {
      stage.limit({ limit: 2, standardHeaders: draft, windowMs: MINUTE });
      const first = await stage.get();
      stage.advance(1500);
      return [first, await stage.get(), await stage.get()];
    }),
  ),
  played("counts down to the reset, and says when to retry", async (stage) => {
    stage.limit({ limit: 1, windowMs: MINUTE });
    const all = [await stage.get()];
    for (const ms of [1, 999, 30_000, 28_999]) {
      stage.advance(ms);
      all.push(await stage.get());
    }
    return all;
  }),
  played("answers a refused request by status, message, and handler", async (stage) => {
    const limit = 0;
    stage.limit({
      limit,
      statusCode: 420,
      message: async () => ({ error: "slow down" }),
      skip: (request: Request) => request.path !== "/message",
    });
    stage.limit({ limit, handler: (_request, response) => void response.status(418).send("handled") });
    return [await stage.get("/message"), await stage.get("/handler")];
  }),
  played("tells handlers limit, used hits, remaining hits, reset and key", async (stage) => {
    stage.limit({ limit: 3, windowMs: MINUTE });
    const infos: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      await stage.status();
      infos.push(stage.info());
    }
    return infos;
  }),
  played("tells handlers under another name of the property", async (stage) => {
    const seen: unknown[] = [];
    stage.limit({ limit: 3, requestPropertyName: "quota" });
    stage.use((request, _response, next) => {
      seen.push({ ...(request as Request & { quota?: object }).quota });
      next();
    });
    await stage.status();
    return [...seen, stage.info()];
  }),
];

const outcomes: Behavior<Stage>[] = [
  played("takes successful requests back with skipSuccessfulRequests", async (stage) => {
    stage.limit({ limit: 2, skipSuccessfulRequests: true });
    return [...(await statuses(stage, 4)), ...(await statuses(stage, 3, "/?status=400"))];
  }),
  played("takes failed requests back with skipFailedRequests", async (stage) => {
    stage.limit({ limit: 2, skipFailedRequests: true });
    return [...(await statuses(stage, 4, "/?status=500")), ...(await statuses(stage, 3))];
  }),
  played("asks requestWasSuccessful for the outcome", async (stage) => {
    stage.limit({
      limit: 1,
      skipSuccessfulRequests: true,
      requestWasSuccessful: async (_request, response) => response.statusCode === 400,
    });
    return [...(await statuses(stage, 3, "/?status=400")), ...(await statuses(stage, 2))];
  }),
  played("takes a refused request back with skipFailedRequests", async (stage) => {
    stage.limit({ limit: 1, skipFailedRequests: true });
    return statuses(stage, 4);
  }),
];

export const behaviors: readonly Behavior<Stage>[] = [...admission, ...answers, ...outcomes];
