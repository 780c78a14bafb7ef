import { describe, inject } from "vitest";
import { pgNode } from "../pg/index.js";
import { describeDbNode } from "./index.js";

const connectionString = inject("postgresUrl");

describe.skipIf(connectionString === "")("a node of pg", () => {
  describeDbNode("pgNode", () => pgNode({ name: "p", config: { connectionString, max: 2, min: 0 } }));
});
