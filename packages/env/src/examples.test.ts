import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { envVariables, loadScaleEnv } from "./index.js";

const files = ["scalability", "storage", "queues"] as const;

/** The variables that an example file sets; with `comments` also those it shows in a comment. */
function read(file: string, comments = false): Record<string, string> {
  const text = readFileSync(new URL(`../.env.${file}.example`, import.meta.url), "utf8");
  const assignment = comments ? /^(?:# )?([A-Z0-9_]+)=(.*)$/gm : /^([A-Z0-9_]+)=(.*)$/gm;
  return Object.fromEntries([...text.matchAll(assignment)].map(([, name = "", value = ""]) => [name, value]));
}

describe.each(files)(".env.%s.example", (file) => {
  it("contains the variables of the table", () => {
    const expected = envVariables.filter((variable) => variable.files.includes(file));
    expect(read(file, true)).toEqual(Object.fromEntries(expected.map(({ name, example }) => [name, example])));
  });

  it("loads as it is, and with every variable uncommented", () => {
    expect(() => loadScaleEnv(read(file))).not.toThrow();
    expect(() => loadScaleEnv({ ...read("scalability"), ...read(file, true) })).not.toThrow();
  });

  it("sets variables to their defaults", () => {
    const set = read(file);
    const differ = envVariables.filter(({ name, default: value }) => set[name] !== undefined && value !== undefined);
    // The queues file exists to turn queues on.
    expect(differ.filter(({ name, default: value }) => set[name] !== value).map(({ name }) => name)).toEqual(
      file === "queues" ? ["ENABLE_JOB_QUEUES"] : [],
    );
  });
});
