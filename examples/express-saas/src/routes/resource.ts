import { type Request, Router } from "express";
import { z } from "zod";
import type { TenantRows, TenantTable } from "../db/tenant-rows.js";
import { NotFoundError } from "../problems.js";
import { inText, parseInput, rowId } from "./input.js";

export interface Resource<Table extends TenantTable> {
  /** One of them, for messages: `contact`. */
  readonly name: string;
  readonly table: Table;
  /** What a client may write. The tenant is not among it: it comes from the request's context. */
  readonly input: z.ZodObject & z.ZodType<Omit<Table["$inferInsert"], "tenantId">>;
}

export const pathParams = z.object({ id: inText(rowId) });
const pageQuery = z.strictObject({
  limit: inText(z.int().min(1).max(100)).default(50),
  /** The last id of the page before. */
  after: inText(rowId).optional(),
});

/** List, get, create, change and delete for one table, each for the tenant of the request alone. */
export function resourceRouter<Table extends TenantTable>({ name, input }: Resource<Table>, rows: TenantRows): Router {
  const changes = input.partial().refine((fields) => Object.keys(fields).length > 0, "expected a field to change");
  const idOf = ({ params }: Request): number => parseInput(pathParams, params).id;
  const router = Router();

  function found<T>(row: T | undefined): T {
    if (row === undefined) throw new NotFoundError(`there is no such ${name}`);
    return row;
  }

  router.get("/", async (request, response) => {
    const { limit, after } = parseInput(pageQuery, request.query);
    const items = await rows.list({ limit, after });
    response.json({ items, next: items.length < limit ? null : items.at(-1)?.["id"] });
  });
  router.post("/", async (request, response) => {
    response.status(201).json(await rows.insert(parseInput(input, request.body)));
  });
  router.get("/:id", async (request, response) => {
    response.json(found(await rows.get(idOf(request))));
  });
  router.patch("/:id", async (request, response) => {
    response.json(found(await rows.update(idOf(request), parseInput(changes, request.body))));
  });
  router.delete("/:id", async (request, response) => {
    found(await rows.remove(idOf(request)));
    response.status(204).end();
  });
  return router;
}
