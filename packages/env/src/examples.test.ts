import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { envVariables, loadScaleEnv } from "./index.js";

const files = ["scalability", "storage", "queues"] as const;

/** The variables of an example file: those it sets, or with `comments` those it only shows as well. */
function read(file: string, comments = false): Record<string, string> {
  const text = readFileSync(new URL(`../.env.${file}.example`, import.meta.url), "utf8");
  const assignment = comments ? /^(?:# )?([A-Z0-9_]+)=(.*)$/gm : /^([A-Z0-9_]+)=(.*)$/gm;
  return Object.fromEntries([...text.matchAll(assignment)].map(([, name = "", value = ""]) => [name, value]));
}

describe.each(files)(".env.%s.example", (file) => {
  it("has the variables that the table puts there", () => {
    const expected = envVariables.filter((variable) => variable.files.includes(file));
    expect(read(file, true)).toEqual(Object.fromEntries(expected.map(({ name, example }) => [name, example])));
  });

  it("loads as it is, and with every comment taken away", () => {
    expect(() => loadScaleEnv(read(file))).not.toThrow();
    expect(() => loadScaleEnv({ ...read("scalability"), ...read(file, true) })).not.toThrow();
  });

  it("sets defaults to what they are", () => {
    const set = read(file);
    const differ = envVariables.filter(({ name, default: value }) => set[name] !== undefined && value !== undefined);
    // The queues file is there to turn queues on.
    expect(differ.filter(({ name, default: value }) => set[name] !== value).map(({ name }) => name)).toEqual(
      file === "queues" ? ["ENABLE_JOB_QUEUES"] : [],
    );
  });
});
