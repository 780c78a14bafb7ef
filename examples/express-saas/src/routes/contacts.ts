import { z } from "zod";
import { contacts as table } from "../db/schema.js";
import { boundedText } from "./input.js";
import type { Resource } from "./resource.js";

export const contacts: Resource<typeof table> = {
  name: "contact",
  table,
  input: z.strictObject({
    name: boundedText(200),
    email: z.email().max(320),
    company: boundedText(200).nullish(),
  }),
};
