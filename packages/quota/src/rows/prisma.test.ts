import { afterAll, describe, inject } from "vitest";
import { prismaHarness } from "../../scenarios/harness.js";
import { describeRowsStore } from "../testing/index.js";

const server = inject("postgresUrl");

describe.skipIf(!server)("prismaRows", () => {
  let close = async (): Promise<void> => undefined;
  afterAll(() => close());

  describeRowsStore("prisma", async () => {
    const harness = await prismaHarness(server);
    close = harness.close;
    return harness;
  });
});
