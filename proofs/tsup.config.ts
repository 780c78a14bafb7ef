import { bundledScenarios, lib } from "../tsup.config.base.ts";

export default {
  ...lib(["src/main.ts"]),
  ...bundledScenarios,
  // `node:test` exists under this name alone.
  removeNodeProtocol: false,
};
