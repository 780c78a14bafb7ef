import { describe, expect, it } from "vitest";
import { flagsWith, sourceWith, writeText } from "../../test/flags-with.js";
import { bool, createFlags, defineFlags, type FlagSource, int, memorySource, settingsWrite } from "../index.js";

const definitions = defineFlags({ checkout: bool({ default: false }), pageSize: int({ default: 50, max: 200 }) });
const by = { by: "ann", note: "why" };

describe("set, kill and unkill", () => {
  it("change one flag for all processes, in force here when they resolve", async () => {
    const source = memorySource();
    const flags = createFlags({ flags: definitions, source });
    const other = createFlags({ flags: definitions, source });
    expect(await flags.set("checkout", { rules: [{ plans: ["pro"] }] }, by)).toEqual({ version: 1 });
    expect(flags.get("checkout", { plan: "pro" })).toBe(true);
    await expect.poll(() => other.get("checkout", { plan: "pro" })).toBe(true);
    expect(other.status()).toMatchObject({ version: 1, changedBy: "ann" });
    expect(await flags.kill("checkout", by)).toEqual({ version: 2 });
    expect(flags.explain("checkout", { plan: "pro" })).toMatchObject({ value: false, reason: "KILLED" });
    await flags.unkill("checkout", by);
    expect(flags.settings("checkout")).toEqual({ rules: [{ plans: ["pro"] }] });
    await flags.set("checkout", undefined, by);
    expect(flags.settings("checkout")).toEqual({});
    await Promise.all([flags.close(), other.close()]);
  });

  it("keep flags that this process does not define, and lose no concurrent change", async () => {
    const source = await sourceWith({ newer: { rules: [{ value: { a: 1 } }] } });
    const processes = Array.from({ length: 5 }, () => createFlags({ flags: definitions, source }));
    await Promise.all(processes.map((flags) => flags.ready()));
    await Promise.all(
      processes.map((flags, i) =>
        i % 2 === 0 ? flags.kill("checkout", by) : flags.set("pageSize", { rules: [{ value: i }] }, by),
      ),
    );
    const answer = await source.read({ known: undefined, maxBytes: 1e6 });
    const { flags } = JSON.parse(answer.is === "document" ? answer.document.text : "{}") as { flags: object };
    expect(flags).toMatchObject({
      ...{ newer: { rules: [{ value: { a: 1 } }] }, checkout: { killed: true }, pageSize: { rules: [{}] } },
    });
    await Promise.all(processes.map((each) => each.close()));
  });

  it("publish each change once, with its author, whatever other processes see", async () => {
    const flags = await flagsWith(definitions, { checkout: { killed: true } });
    const writes: unknown[] = [];
    const end = settingsWrite.subscribe((message) => void writes.push(message));
    await flags.unkill("checkout", { by: "bob" });
    await flags.set("pageSize", { rules: [{ value: 5 }] }, by);
    end();
    expect(writes).toEqual([
      { flag: "checkout", before: { killed: true }, after: {}, version: 2, changedBy: "bob", note: undefined },
      {
        flag: "pageSize",
        before: undefined,
        after: { rules: [{ value: 5 }] },
        version: 3,
        changedBy: "ann",
        note: "why",
      },
    ]);
    await flags.close();
  });

  it("refuse settings that a process would refuse, before they are written", async () => {
    const flags = await flagsWith(definitions, {});
    const { revision } = flags.status();
    const wrong = [
      flags.set("pageSize", { rules: [{ value: 201 }] }, by),
      flags.set("pageSize", { rules: [{}] }, by),
      flags.set("checkout", { rules: [{ percent: 101 }] }, by),
      flags.set("checkout", { requires: [{ flag: "chekout" }] }, by),
      flags.set("checkout", { requires: [{ flag: "checkout" }] }, by),
      flags.set("checkout", {}, { by: "" }),
      flags.kill("nope" as "checkout", by),
    ];
    for (const each of await Promise.allSettled(wrong)) {
      expect(each).toMatchObject({ status: "rejected", reason: { code: "SCALE_INPUT" } });
    }
    expect(await flags.refresh()).toMatchObject({ revision });
    await flags.close();
  });

  it("repair a document that processes refuse, or that was lost, from the settings in force", async () => {
    const source = await sourceWith({ pageSize: { rules: [{ value: 3 }] } });
    let isEmpty = false;
    const emptied: FlagSource = {
      ...source,
      read: async (request) => (isEmpty ? { is: "absent" } : source.read(request)),
      write: (write) => source.write(isEmpty ? { ...write, base: flags.status().revision } : write),
    };
    const flags = createFlags({ flags: definitions, source: emptied });
    await flags.ready();
    await writeText(source, '{"flags":{"pageSize":{"rules":[{"value":999}]}}}');
    await flags.kill("checkout", by);
    expect([flags.get("pageSize"), flags.explain("checkout").reason]).toEqual([3, "KILLED"]);
    isEmpty = true;
    await flags.set("checkout", {}, by);
    isEmpty = false;
    await flags.refresh();
    expect([flags.get("pageSize"), flags.explain("checkout").reason]).toEqual([3, "DEFAULT"]);
    await flags.close();
  });

  it("reject when the source cannot be changed, fails or hangs", async () => {
    const refresh = { timeoutMs: 20 };
    const readOnly = createFlags({
      flags: definitions,
      source: { name: "file", read: async () => ({ is: "absent" }) },
    });
    const hangs = createFlags({
      ...{ flags: definitions, refresh },
      source: { ...memorySource(), write: () => new Promise(() => undefined) },
    });
    await expect(readOnly.kill("checkout", by)).rejects.toMatchObject({ code: "SCALE_STORE" });
    await expect(hangs.kill("checkout", by)).rejects.toMatchObject({ code: "SCALE_TIMEOUT" });
    await Promise.all([readOnly.close(), hangs.close()]);
  });
});
