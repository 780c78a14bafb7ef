import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type Closable, pgHarness } from "../../scenarios/harness.js";
import type { PgExecutor } from "./pg.js";
import { rowsFixture, rolledBack } from "../testing/rows-fixture.js";

const server = inject("postgresUrl");
const SEED = 20_261_120;
fc.configureGlobal({ seed: SEED });

/** One transaction of an application that keeps to the quota. */
interface Step {
  readonly does: "create" | "delete";
  readonly units: number;
  readonly max: number;
  /** Whether the rows are changed before the counter. */
  readonly rowsFirst: boolean;
  readonly rollsBack: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  does: fc.constantFrom("create", "create", "delete"),
  units: fc.integer({ min: 1, max: 5 }),
  max: fc.constantFrom(0, 3, 8, 8, 8, 20, Infinity),
  rowsFirst: fc.boolean(),
  rollsBack: fc.boolean(),
});

describe.skipIf(!server)(`counters of rows (seed ${SEED})`, () => {
  let harness = {} as Closable<PgExecutor>;
  beforeAll(async () => {
    harness = await pgHarness(server, "quota_model");
  });
  afterAll(() => harness.close());

  it("agree with the rows after every transaction of any sequence", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 10 }), fc.array(step, { minLength: 1, maxLength: 12 }), async (there, steps) => {
        const fixture = rowsFixture(harness);
        const { tenantId, db, insert, count, used, transaction } = fixture;
        await insert(db, tenantId, there);
        let model = there;
        for (const one of steps) {
          const outcomes: unknown[] = [];
          const work = async (tx: PgExecutor): Promise<void> => void outcomes.push(await run(fixture, one, tx));
          if (one.rollsBack) await rolledBack(fixture, work);
          else await transaction(work);
          const next = after(one, model);
          expect(outcomes).toEqual([{ admitted: next.admitted, before: model }]);
          if (!one.rollsBack) model = next.rows;
          expect(await count(db, tenantId)).toBe(model);
          // Before the first transaction that commits there is no counter.
          expect([model, undefined]).toContain(await used());
        }
      }),
      { numRuns: 60 },
    );
  });
});

/** Effect of the same transaction on the model. */
function after({ does, units, max }: Step, rows: number): { readonly admitted: boolean; readonly rows: number } {
  if (does === "delete") return { admitted: true, rows: Math.max(0, rows - units) };
  const admitted = rows + units <= max;
  return { admitted, rows: admitted ? rows + units : rows };
}

async function run(
  { tenantId, insert, remove, use, giveBack, count }: ReturnType<typeof rowsFixture<PgExecutor>>,
  { does, units, max, rowsFirst }: Step,
  tx: PgExecutor,
): Promise<{ readonly admitted: boolean; readonly before: number }> {
  if (does === "delete") {
    const gone = Math.min(units, await count(tx, tenantId));
    if (gone === 0) return { admitted: true, before: 0 };
    if (rowsFirst) await remove(tx, tenantId, gone);
    const { admitted, before } = await giveBack(tx, gone, { counted: true, written: rowsFirst });
    if (!rowsFirst) await remove(tx, tenantId, gone);
    return { admitted, before };
  }
  if (rowsFirst) await insert(tx, tenantId, units);
  const { admitted, before } = await use(tx, units, { counted: true, written: rowsFirst, max });
  if (admitted && !rowsFirst) await insert(tx, tenantId, units);
  if (!admitted && rowsFirst) await remove(tx, tenantId, units);
  return { admitted, before };
}
