import { describe, expect, it } from "vitest";
import { readBullmqScripts } from "./bullmq-scripts.js";
import { CALLED_COMMANDS, functionOf, makeHelpersOnce } from "./compose.js";

describe("makeHelpersOnce", () => {
  it("takes the helpers out of the scripts that a turn calls for each job, and changes nothing in them", async () => {
    const scripts = await readBullmqScripts();
    const changed = CALLED_COMMANDS.filter((command) => {
      const source = functionOf(command, scripts);
      return makeHelpersOnce(source) !== source;
    });
    expect(changed).toEqual(expect.arrayContaining(["moveToFinished"]));
    for (const command of changed) {
      const source = functionOf(command, scripts);
      const lines = new Set(makeHelpersOnce(source).split("\n"));
      expect(
        source
          .split("\n")
          .slice(1)
          .filter((line) => !lines.has(line)),
        command,
      ).toEqual([]);
    }
  });

  it("leaves a script as it is whose helpers stand among its statements", () => {
    const source = `local function f(KEYS, ARGV, cmsgpack)\nlocal key = KEYS[1]\nlocal function help()\nend\nreturn help()\nend`;
    expect(makeHelpersOnce(source)).toBe(source);
  });
});
