import { type Request, Router } from "express";
import { z } from "zod";
import type { CachedRows } from "../db/cached-rows.js";
import type { TenantTable } from "../db/tenant-rows.js";
import { NotFoundError } from "../problems.js";
import { setInvalidationHeader, setCacheStatus } from "./cache-headers.js";
import { integerParam, parseInput, rowId } from "./input.js";
import type { ListPages } from "./list-pages.js";

export interface Resource<Table extends TenantTable> {
  /** Singular name for messages: `contact`. */
  readonly name: string;
  readonly table: Table;
  /** Fields a client may write. The tenant is not one of them: it comes from the request's context. */
  readonly input: z.ZodObject & z.ZodType<Omit<Table["$inferInsert"], "tenantId">>;
}

export const pathParams = z.object({ id: integerParam(rowId) });

export interface ResourceParts {
  readonly rows: CachedRows;
  readonly pages: ListPages;
}

/** Routes to list, get, create, update and delete rows of one table, limited to the tenant of the request. */
export function resourceRouter<Table extends TenantTable>(
  { name, input }: Resource<Table>,
  { rows, pages }: ResourceParts,
): Router {
  const changes = input
    .partial()
    .refine((fields) => Object.keys(fields).length > 0, "expected at least one field to change");
  const idOf = ({ params }: Request): number => parseInput(pathParams, params).id;
  const router = Router();

  function found<T>(row: T | undefined): T {
    if (row === undefined) throw new NotFoundError(`there is no such ${name}`);
    return row;
  }

  router.get("/", async (request, response) => {
    const { items, pageInfo } = setCacheStatus(response, await rows.list(await pages(request.query)));
    response.json({ items, pageInfo });
  });
  router.post("/", async (request, response) => {
    const { row, receipt } = await rows.insert(parseInput(input, request.body));
    setInvalidationHeader(response, receipt);
    response.status(201).json(row);
  });
  router.get("/:id", async (request, response) => {
    response.json(found(setCacheStatus(response, await rows.get(idOf(request)))));
  });
  router.patch("/:id", async (request, response) => {
    const { row, receipt } = await rows.update(idOf(request), parseInput(changes, request.body));
    setInvalidationHeader(response, receipt);
    response.json(found(row));
  });
  router.delete("/:id", async (request, response) => {
    const { row, receipt } = await rows.remove(idOf(request));
    found(row);
    setInvalidationHeader(response, receipt);
    response.status(204).end();
  });
  return router;
}
