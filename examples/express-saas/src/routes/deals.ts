import { z } from "zod";
import { deals as table } from "../db/schema.js";
import { amountCents, rowId, boundedText } from "./input.js";
import type { Resource } from "./resource.js";

export const deals: Resource<typeof table> = {
  name: "deal",
  table,
  input: z.strictObject({
    contactId: rowId,
    title: boundedText(200),
    stage: z.enum(["open", "won", "lost"]),
    amountCents,
  }),
};
