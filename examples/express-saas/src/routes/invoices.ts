import { z } from "zod";
import { invoices as table } from "../db/schema.js";
import { amountCents, isoDate, rowId } from "./input.js";
import type { Resource } from "./resource.js";

export const invoices: Resource<typeof table> = {
  name: "invoice",
  table,
  input: z.strictObject({
    dealId: rowId,
    status: z.enum(["draft", "sent", "paid"]),
    amountCents,
    dueOn: isoDate,
  }),
};
