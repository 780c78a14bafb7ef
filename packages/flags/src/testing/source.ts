import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import type { FlagSource, SourceWrite } from "../source/types.js";

const MAX = 1024 * 1024;

/** The source that the current test uses, as two processes have opened it. */
interface Opened {
  readonly source: Required<FlagSource>;
  readonly other: Required<FlagSource>;
}

/**
 * The contract of a `FlagSource` that can be written.
 * @param create returns a source without a document, and the same source again as another process would open it
 */
export function describeFlagSource(
  name: string,
  create: () => Promise<{ readonly source: FlagSource; readonly other: FlagSource }>,
): void {
  describe(`FlagSource: ${name}`, () => {
    let both: Opened;
    beforeEach(async () => {
      const { source, other } = await create();
      both = { source: writable(source), other: writable(other) };
    });
    testReads(() => both);
    testWrites(() => both);
    testWatch(() => both);
  });
}

function testReads(opened: () => Opened): void {
  it("has no document at first", async () => {
    const { source } = opened();
    expect(await source.read({ known: undefined, maxBytes: MAX })).toEqual({ is: "absent" });
    expect(await source.read({ known: "any", maxBytes: MAX })).toEqual({ is: "absent" });
  });

  it("returns a document as it was written, to every process", async () => {
    const { source, other } = opened();
    const write = change({ note: "why", text: '{"flags":{"ü":{}}}' });
    expect(await source.write(write)).toEqual({ is: "written", version: 1 });
    const { base: _base, after: _after, ...document } = write;
    const answer = { is: "document", document: { ...document, version: 1 } };
    expect(await other.read({ known: undefined, maxBytes: MAX })).toEqual(answer);
    expect(await other.read({ known: "another", maxBytes: MAX })).toEqual(answer);
  });

  it("does not send what the caller has", async () => {
    const { source, other } = opened();
    const write = change();
    await source.write(write);
    expect(await other.read({ known: write.revision, maxBytes: MAX })).toEqual({ is: "unchanged" });
  });

  it("does not send what is too long for the caller, counted in bytes", async () => {
    const { source, other } = opened();
    const write = change({ text: JSON.stringify("ü".repeat(100)) });
    await source.write(write);
    const { revision } = write;
    expect(await other.read({ known: undefined, maxBytes: 201 })).toEqual({
      ...{ is: "too-large", revision, version: 1, bytes: 202 },
    });
    expect(await other.read({ known: undefined, maxBytes: 202 })).toMatchObject({ is: "document" });
  });
}

function testWrites(opened: () => Opened): void {
  it("refuses a write that is based on an older document", async () => {
    const { source, other } = opened();
    const first = change();
    await source.write(first);
    expect(await other.write(change())).toEqual({ is: "conflict" });
    expect(await other.write(change({ base: "another" }))).toEqual({ is: "conflict" });
    expect(await other.write(change({ base: first.revision }))).toEqual({ is: "written", version: 2 });
  });

  it("lets one of several concurrent writes win", async () => {
    const { source, other } = opened();
    const writes = Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? source : other).write(change()));
    const answers = await Promise.all(writes);
    expect(answers.filter(({ is }) => is === "written")).toEqual([{ is: "written", version: 1 }]);
  });

  it("answers a repeated write as the first, and counts it once", async () => {
    const { source, other } = opened();
    const write = change();
    await source.write(write);
    expect(await source.write(write)).toEqual({ is: "written", version: 1 });
    expect(await other.read({ known: write.revision, maxBytes: MAX })).toEqual({ is: "unchanged" });
  });

  it("gives a version above the one that the writer knows", async () => {
    const { source } = opened();
    expect(await source.write(change({ after: 41 }))).toEqual({ is: "written", version: 42 });
  });
}

function testWatch(opened: () => Opened): void {
  it("reports a change by another process, and none after its end", async () => {
    const { source, other } = opened();
    let changes = 0;
    const end = source.watch({ changed: () => void changes++, failed: (error) => expect.unreachable(String(error)) });
    const write = change();
    // A subscription may report once when it begins.
    await settled(() => changes);
    const before = changes;
    await other.write(write);
    await expect.poll(() => changes).toBeGreaterThan(before);
    end();
    await settled(() => changes);
    const after = changes;
    await other.write(change({ base: write.revision }));
    await settled(() => changes);
    expect(changes).toBe(after);
  });
}

function writable(source: FlagSource): Required<FlagSource> {
  const { name, read, watch, write } = source;
  if (watch === undefined || write === undefined)
    throw new TypeError(`${name}: expected a source with watch and write`);
  return { name, read: read.bind(source), watch: watch.bind(source), write: write.bind(source) };
}

const change = (parts: Partial<SourceWrite> = {}): SourceWrite => ({
  base: undefined,
  revision: randomUUID(),
  after: 0,
  text: '{"flags":{}}',
  changedBy: "ann",
  changedAt: 1_700_000_000_000,
  note: undefined,
  ...parts,
});

/** Waits until a count has not moved for a while: the absence of a message has no event. */
async function settled(count: () => number): Promise<void> {
  for (let before = -1; before !== count(); ) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
