import { beforeAll, describe } from "vitest";
import { describeFirstGiveBack, describeFirstUse, describeSecondFirstUse } from "./rows-first-use.js";
import { type RowsFixture, rowsFixture, type RowsHarness } from "./rows-fixture.js";
import { describeDriftRaces, describeRaces } from "./rows-races.js";
import {
  describeLockedReconcile,
  describeReconcile,
  describeReconcileRaces,
  describeUncommittedReconcile,
} from "./rows-reconcile.js";
import { describeBounds, describeGiveBack, describeRead, describeSeveral, describeUse } from "./rows-use.js";

/**
 * Contract of every RowsStore. Call it in a vitest file with a function that prepares an empty database, and add tests of
 * the properties that only your client has. The suite needs a server that runs transactions at once, at READ COMMITTED.
 */
export function describeRowsStore<Db>(name: string, create: () => RowsHarness<Db> | Promise<RowsHarness<Db>>): void {
  describe(`RowsStore: ${name}`, () => {
    let harness: RowsHarness<Db> | undefined;
    beforeAll(async () => {
      harness = await create();
    });
    const newFixture = (): RowsFixture<Db> => rowsFixture(harness ?? notReady());
    describeUse(newFixture);
    describeBounds(newFixture);
    describeGiveBack(newFixture);
    describeSeveral(newFixture);
    describeRead(newFixture);
    describeFirstUse(newFixture);
    describeSecondFirstUse(newFixture);
    describeFirstGiveBack(newFixture);
    describeRaces(newFixture);
    describeDriftRaces(newFixture);
    describeReconcile(newFixture);
    describeReconcileRaces(newFixture);
    describeUncommittedReconcile(newFixture);
    describeLockedReconcile(newFixture);
  });
}

function notReady(): never {
  throw new Error("the database was not prepared");
}
