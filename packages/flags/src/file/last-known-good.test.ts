import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sourceWith } from "../../test/flags-with.js";
import { createFlags, defineFlags, fileFail, int, memorySource, type StoredDocument } from "../index.js";
import { lastKnownGoodFile } from "./index.js";

const definitions = defineFlags({ pageSize: int({ default: 50 }) });
const MAX = 1024 * 1024;

const stored = (text = '{"flags":{}}'): StoredDocument => ({
  confirmedAt: 1_700_000_000_000,
  document: { revision: "r1", version: 1, text, changedBy: "ann", changedAt: 1, note: undefined },
});

describe("lastKnownGoodFile", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "scale-flags-"));
    path = join(folder, "deep", "flags.json");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("returns what was saved last, and nothing before", async () => {
    const file = lastKnownGoodFile({ path });
    expect(file.load(MAX)).toBeUndefined();
    await file.save(stored());
    await file.save(stored('{"flags":{"ü":{}}}'));
    expect(lastKnownGoodFile({ path }).load(MAX)).toEqual(stored('{"flags":{"ü":{}}}'));
  });

  it("is whole after concurrent saves of several processes, and leaves nothing beside itself", async () => {
    const texts = Array.from({ length: 20 }, (_, i) => `{"flags":{"f${i}":{}}${" ".repeat(50_000)}}`);
    await Promise.all(texts.map((text) => lastKnownGoodFile({ path }).save(stored(text))));
    expect(texts).toContain(lastKnownGoodFile({ path }).load(MAX)?.document.text);
    expect(readdirSync(join(folder, "deep"))).toEqual(["flags.json"]);
  });

  it("leaves the last document whole, and nothing beside it, when a save fails", async () => {
    await lastKnownGoodFile({ path }).save(stored());
    const file = lastKnownGoodFile({ path: join(path, "below-a-file") });
    await expect(file.save(stored())).rejects.toThrow(/EEXIST|ENOTDIR/);
    expect(lastKnownGoodFile({ path }).load(MAX)).toEqual(stored());
  });

  it.each([
    ["empty", ""],
    ["torn", JSON.stringify(stored()).slice(0, -10)],
    ["another file", '{"name":"package"}'],
    ["too large", JSON.stringify(stored("x".repeat(3 * MAX)))],
  ])("is refused when it is %s, which is reported", async (_name, text) => {
    await lastKnownGoodFile({ path }).save(stored());
    writeFileSync(path, text);
    expect(() => lastKnownGoodFile({ path }).load(MAX)).toThrow(/expected/);
    const failures: unknown[] = [];
    const end = fileFail.subscribe(({ operation }) => void failures.push(operation));
    const flags = createFlags({ flags: definitions, lastKnownGood: lastKnownGoodFile({ path }) });
    end();
    expect([flags.get("pageSize"), flags.status().from, failures]).toEqual([50, "default", ["read"]]);
  });

  it("carries the rules over a restart while the live source is down", async () => {
    const source = await sourceWith({ pageSize: { rules: [{ value: 7 }] } });
    const before = createFlags({ flags: definitions, source, lastKnownGood: lastKnownGoodFile({ path }) });
    await before.ready();
    await before.close();
    expect(existsSync(path)).toBe(true);
    expect(readFileSync(path, "utf8")).toContain("pageSize");
    const after = createFlags({
      flags: definitions,
      source: memorySource(),
      lastKnownGood: lastKnownGoodFile({ path }),
    });
    expect([after.get("pageSize"), after.status().from]).toEqual([7, "file"]);
    await after.close();
  });
});
