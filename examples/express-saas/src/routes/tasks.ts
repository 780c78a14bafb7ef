import { z } from "zod";
import { tasks as table } from "../db/schema.js";
import { isoDate, rowId, boundedText } from "./input.js";
import type { Resource } from "./resource.js";

export const tasks: Resource<typeof table> = {
  name: "task",
  table,
  input: z.strictObject({
    contactId: rowId,
    title: boundedText(200),
    done: z.boolean().optional(),
    dueOn: isoDate,
  }),
};
