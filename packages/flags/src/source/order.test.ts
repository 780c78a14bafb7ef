import { StoreError } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { sourceWith, writeText } from "../../test/flags-with.js";
import {
  bool,
  createFlags,
  defineFlags,
  fileFail,
  flagChange,
  type FlagSource,
  int,
  type LastKnownGood,
  memorySource,
  sourceFail,
  type StoredDocument,
} from "../index.js";

const definitions = defineFlags({ checkout: bool({ default: false }), pageSize: int({ default: 50 }) });
const START = 1_700_000_000_000;
/** Polls never come by themselves: the tests read when they want to. */
const refresh = { pollMs: 86_400_000, timeoutMs: 50 };

const documentOf = (value: number, revision = `r${value}`): StoredDocument => ({
  confirmedAt: START - 60_000,
  document: {
    ...{ revision, version: value, changedBy: "ann", changedAt: START, note: undefined },
    text: JSON.stringify({ flags: { pageSize: { rules: [{ value }] } } }),
  },
});

interface TestFile extends LastKnownGood {
  saved: StoredDocument[];
}

function file(stored: StoredDocument | undefined | Error): TestFile {
  const saved: StoredDocument[] = [];
  const load = (): StoredDocument | undefined => {
    if (stored instanceof Error) throw stored;
    return stored;
  };
  return { saved, load, save: async (each) => void saved.push(each) };
}

const down: FlagSource = { name: "down", read: () => Promise.reject(new StoreError("down")) };

describe("sources", () => {
  it("come in order: defaults, then the file before createFlags returns, then the live source", async () => {
    const clock = createManualClock(START);
    const source = await sourceWith({ pageSize: { rules: [{ value: 3 }] } });
    const flags = createFlags({ flags: definitions, source, lastKnownGood: file(documentOf(2)), clock, refresh });
    expect([flags.get("pageSize"), flags.status()]).toMatchObject([2, { from: "file", version: 2, ageMs: 60_000 }]);
    expect(await flags.ready()).toMatchObject({ from: "live", version: 1, ageMs: 0 });
    expect(flags.get("pageSize")).toBe(3);
    await flags.close();

    const none = createFlags({ flags: definitions });
    expect([none.get("pageSize"), await none.ready()]).toMatchObject([
      ...[50, { from: "default", version: 0, revision: "", ageMs: undefined, isStale: false }],
    ]);
    await none.close();
  });

  it("keep the file while the live source is down, hangs, is empty, or has a broken document", async () => {
    const broken = memorySource();
    await writeText(broken, "{");
    const hangs: FlagSource = { name: "hangs", read: () => new Promise(() => undefined) };
    for (const source of [down, hangs, memorySource(), broken]) {
      const flags = createFlags({ flags: definitions, source, lastKnownGood: file(documentOf(2)), refresh });
      expect(await flags.ready()).toMatchObject({ from: "file", version: 2 });
      expect(flags.get("pageSize")).toBe(2);
      await flags.close();
    }
  });

  it("count the file as live once the live source confirms its revision", async () => {
    const source = memorySource();
    const revision = await writeText(source, documentOf(2).document.text);
    const flags = createFlags({ flags: definitions, source, lastKnownGood: file(documentOf(2, revision)), refresh });
    expect(flags.status().from).toBe("file");
    expect(await flags.ready()).toMatchObject({ from: "live", revision });
    await flags.close();
  });

  it.each([
    ["cannot be read", file(new StoreError("torn")), 1],
    ["has a broken document", file({ ...documentOf(2), document: { ...documentOf(2).document, text: "{" } }), 0],
  ])("fall to the defaults when the file %s", async (_name, lastKnownGood, failures) => {
    let failed = 0;
    const end = fileFail.subscribe(() => void failed++);
    const flags = createFlags({ flags: definitions, source: down, lastKnownGood, refresh });
    await flags.ready();
    end();
    expect([flags.get("pageSize"), flags.status().from, failed]).toEqual([50, "default", failures]);
    await flags.close();
  });

  it("save what the live source has, and nothing that is refused or came from the file", async () => {
    const source = await sourceWith({ pageSize: { rules: [{ value: 3 }] } });
    const lastKnownGood = file(documentOf(2));
    const flags = createFlags({ flags: definitions, source, lastKnownGood, clock: createManualClock(START), refresh });
    expect(lastKnownGood.saved).toEqual([]);
    const { revision } = await flags.ready();
    await writeText(source, "{");
    await flags.refresh();
    await flags.close();
    expect(lastKnownGood.saved.map(({ document, confirmedAt }) => [document.revision, confirmedAt])).toEqual([
      [revision, START],
    ]);
  });

  it("save an unchanged document again after a minute, so that its age stays right", async () => {
    const clock = createManualClock(START);
    const lastKnownGood = file(undefined);
    const source = await sourceWith({});
    const flags = createFlags({ flags: definitions, source, lastKnownGood, clock, refresh });
    await flags.ready();
    for (let i = 0; i < 4; i++) {
      clock.advance(30_000);
      await flags.refresh();
    }
    await flags.close();
    expect(lastKnownGood.saved.map(({ confirmedAt }) => confirmedAt - START)).toEqual([0, 60_000, 120_000]);
  });

  it("do not fail evaluations when a save fails, and finish it before close resolves", async () => {
    const failures: unknown[] = [];
    const end = fileFail.subscribe(({ operation }) => void failures.push(operation));
    const lastKnownGood: LastKnownGood = {
      load: () => undefined,
      save: () => new Promise((_resolve, reject) => setImmediate(() => reject(new Error("disk full")))),
    };
    const flags = createFlags({ flags: definitions, source: await sourceWith({}), lastKnownGood, refresh });
    await flags.ready();
    await flags.close();
    end();
    expect(failures).toEqual(["write"]);
  });

  it("keep the rules when the live source loses them, and report that", async () => {
    let answer: Awaited<ReturnType<FlagSource["read"]>> = { is: "document", document: documentOf(7).document };
    const source: FlagSource = { name: "emptied", read: async () => answer };
    const flags = createFlags({ flags: definitions, source, refresh });
    await flags.ready();
    const failures: unknown[] = [];
    const end = sourceFail.subscribe(({ source: name, error }) => void failures.push([name, error]));
    answer = { is: "absent" };
    await flags.refresh();
    end();
    expect(failures).toEqual([["emptied", expect.objectContaining({ code: "SCALE_STORE" })]]);
    expect(flags.get("pageSize")).toBe(7);
    await flags.close();
  });

  it("follow a live source that went back to an older document", async () => {
    let answer = documentOf(7).document;
    const flags = createFlags({
      flags: definitions,
      source: { name: "restored", read: async () => ({ is: "document", document: answer }) },
      refresh,
    });
    await flags.ready();
    answer = documentOf(3).document;
    expect(await flags.refresh()).toMatchObject({ version: 3 });
    expect(flags.get("pageSize")).toBe(3);
    await flags.close();
  });

  it("change nothing after close, whatever was under way", async () => {
    let release: (() => void) | undefined;
    const source: FlagSource = {
      name: "slow",
      read: () =>
        new Promise((resolve) => (release = () => resolve({ is: "document", document: documentOf(9).document }))),
    };
    const flags = createFlags({ flags: definitions, source, refresh: { pollMs: 86_400_000, timeoutMs: 5000 } });
    await flags.close();
    release?.();
    await flags.ready();
    expect([flags.get("pageSize"), flags.status().from]).toEqual([50, "default"]);
  });
});

describe("maxStaleness", () => {
  it("turns flags to their defaults with the reason STALE, except kill switches, until the source confirms again", async () => {
    const clock = createManualClock(START);
    const settings = { pageSize: { rules: [{ value: 3 }] }, checkout: { killed: true } };
    const live = await sourceWith(settings);
    let isDown = false;
    const source: FlagSource = { name: "live", read: (request) => (isDown ? down.read(request) : live.read(request)) };
    const flags = createFlags({ flags: definitions, source, clock, maxStaleness: "10m", refresh });
    await flags.ready();
    isDown = true;
    clock.advance(600_000);
    await flags.refresh();
    expect(flags.explain("pageSize")).toMatchObject({
      value: 3,
      reason: "TARGET",
      source: { ageMs: 600_000, isStale: false },
    });
    clock.advance(1);
    expect(flags.explain("pageSize")).toMatchObject({
      ...{ value: 50, reason: "STALE", source: { from: "live", ageMs: 600_001, isStale: true } },
    });
    expect(flags.explain("checkout")).toMatchObject({ value: false, reason: "KILLED" });
    isDown = false;
    await flags.refresh();
    expect(flags.explain("pageSize")).toMatchObject({ value: 3, reason: "TARGET" });
    await flags.close();
  });

  it("counts the age of the file across the restart, and a clock that was set back as none", async () => {
    const stored = documentOf(2);
    const ageAt = (wall: number): unknown => {
      const clock = createManualClock(wall);
      const flags = createFlags({ flags: definitions, lastKnownGood: file(stored), clock, maxStaleness: "2m" });
      return [flags.get("pageSize"), flags.status().ageMs];
    };
    expect(ageAt(stored.confirmedAt + 120_000)).toEqual([2, 120_000]);
    expect(ageAt(stored.confirmedAt + 120_001)).toEqual([50, 120_001]);
    expect(ageAt(stored.confirmedAt - 1)).toEqual([2, 0]);
  });

  it("does not apply without a bound: the last known rules hold", async () => {
    const clock = createManualClock(START);
    const flags = createFlags({
      flags: definitions,
      source: await sourceWith({ pageSize: { rules: [{ value: 3 }] } }),
      clock,
      refresh,
    });
    await flags.ready();
    clock.advance(365 * 86_400_000);
    expect(flags.explain("pageSize")).toMatchObject({ value: 3, reason: "TARGET" });
    await flags.close();
  });
});

describe("flagChange", () => {
  it("reports every flag that a document changed, with the settings before and after and the author", async () => {
    const changes: unknown[] = [];
    const source = await sourceWith({ pageSize: { rules: [{ value: 3 }] }, checkout: {} });
    const end = flagChange.subscribe(
      ({ flag, before, after, isFirst, changedBy }) => void changes.push([flag, before, after, isFirst, changedBy]),
    );
    const flags = createFlags({ flags: definitions, source, refresh });
    await flags.ready();
    await writeText(source, JSON.stringify({ flags: { pageSize: { rules: [{ value: 4 }] }, checkout: {} } }));
    await flags.refresh();
    await flags.refresh();
    end();
    expect(changes).toEqual([
      ["pageSize", undefined, { rules: [{ value: 3 }] }, true, "tool"],
      ["checkout", undefined, {}, true, "tool"],
      ["pageSize", { rules: [{ value: 3 }] }, { rules: [{ value: 4 }] }, false, "tool"],
    ]);
    await flags.close();
  });

  it("comes with onChange, whose listeners cannot keep the rules from each other", async () => {
    const source = await sourceWith({});
    const flags = createFlags({ flags: definitions, source, refresh });
    await flags.ready();
    const seen: number[] = [];
    const warnings: string[] = [];
    const warned = new Promise<void>((resolve) => {
      process.once("warning", ({ message }) => (warnings.push(message), resolve()));
    });
    const ends = [
      flags.onChange(() => {
        throw new Error("a listener failed");
      }),
      flags.onChange(() => void seen.push(flags.get("pageSize"))),
    ];
    await writeText(source, JSON.stringify({ flags: { pageSize: { rules: [{ value: 4 }] } } }));
    await flags.refresh();
    await warned;
    for (const end of ends) end();
    await writeText(source, JSON.stringify({ flags: { pageSize: { rules: [{ value: 5 }] } } }));
    await flags.refresh();
    expect([seen, warnings]).toEqual([[4], ["a listener failed"]]);
    await flags.close();
  });
});
