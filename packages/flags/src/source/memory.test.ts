import { memorySource } from "../index.js";
import { describeFlagSource } from "../testing/index.js";

describeFlagSource("memory", async () => {
  const source = memorySource();
  return { source, other: source };
});
