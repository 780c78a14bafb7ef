import type { FlagSettings } from "@scale/flags";
import express, { Router } from "express";
import { z } from "zod";
import type { CrmFlags } from "./flags.js";
import { parseInput } from "./routes/input.js";

type Key = keyof CrmFlags["definitions"];

const author = z.strictObject({ by: z.string().min(1), note: z.string().optional() });
/** The settings themselves are checked by the flags. */
const change = author.extend({ settings: z.custom<FlagSettings<boolean>>((value) => typeof value === "object") });

/** Shows, explains and changes flags. Mount it after the check of the admin token. */
export function flagRoutes(flags: CrmFlags): Router {
  const router = Router();
  router.use(express.json({ limit: "100kb" }));
  router.get("/", (_request, response) => {
    const keys = Object.keys(flags.definitions) as Key[];
    const settings = Object.fromEntries(keys.map((key) => [key, flags.settings(key)]));
    response.json({ ...flags.status(), settings });
  });
  router.get("/:flag/:tenantId", ({ params: { flag, tenantId } }, response) => {
    response.json(flags.explain(flag as Key, { tenantId }));
  });
  // An unknown flag and wrong settings are refused with SCALE_INPUT, which is a 400.
  router.put("/:flag", async ({ params: { flag }, body }, response) => {
    const { settings, by, note } = parseInput(change, body);
    response.json(await flags.set(flag as Key, settings, { by, ...(note !== undefined && { note }) }));
  });
  router.post("/:flag/kill", async ({ params: { flag }, body }, response) => {
    const { by, note } = parseInput(author, body);
    response.json(await flags.kill(flag as Key, { by, ...(note !== undefined && { note }) }));
  });
  router.delete("/:flag/kill", async ({ params: { flag }, body }, response) => {
    const { by, note } = parseInput(author, body);
    response.json(await flags.unkill(flag as Key, { by, ...(note !== undefined && { note }) }));
  });
  return router;
}
