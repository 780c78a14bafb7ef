import { describe, expect, it } from "vitest";
import { sourceWith, writeText } from "../../test/flags-with.js";
import { createFlags, defineFlags, type FlagSource, int, sourceFail } from "../index.js";

const definitions = defineFlags({ pageSize: int({ default: 50 }) });
const textOf = (value: number): string => JSON.stringify({ flags: { pageSize: { rules: [{ value }] } } });

describe("refresh", () => {
  it("polls a source that announces nothing", async () => {
    const { watch: _watch, ...source } = await sourceWith({});
    const flags = createFlags({ flags: definitions, source, refresh: { pollMs: 10 } });
    await writeText(source, textOf(7));
    await expect.poll(() => flags.get("pageSize")).toBe(7);
    await flags.close();
  });

  it("reads at once what the source announces, and once more after an announcement during a read", async () => {
    const source = await sourceWith({});
    let reads = 0;
    const gates: (() => void)[] = [];
    const slow: FlagSource = {
      ...source,
      async read(request) {
        reads++;
        const answer = await source.read(request);
        await new Promise<void>((resolve) => gates.push(resolve));
        return answer;
      },
    };
    const flags = createFlags({ flags: definitions, source: slow, refresh: { pollMs: 86_400_000 } });
    // The first read has its answer by now, but not delivered it: the changes below are later than that answer.
    await expect.poll(() => gates.length).toBe(1);
    for (const value of [5, 6, 7]) await writeText(source, textOf(value));
    const both = [flags.refresh(), flags.refresh()];
    gates[0]?.();
    await expect.poll(() => gates.length).toBe(2);
    gates[1]?.();
    await Promise.all(both);
    expect([flags.get("pageSize"), reads]).toEqual([7, 2]);
    await flags.close();
  });

  it("goes on after reads that hang, throw or reject, and reports each", async () => {
    const source = await sourceWith({ pageSize: { rules: [{ value: 7 }] } });
    const failures: string[] = [];
    const faults: (() => ReturnType<FlagSource["read"]>)[] = [
      () => new Promise(() => undefined),
      () => {
        throw new Error("thrown");
      },
      () => Promise.reject(new Error("rejected")),
    ];
    const end = sourceFail.subscribe(({ error }) => void failures.push(String(error)));
    const faulty: FlagSource = { name: "faulty", read: (request) => faults.shift()?.() ?? source.read(request) };
    const flags = createFlags({ flags: definitions, source: faulty, refresh: { pollMs: 10, timeoutMs: 20 } });
    await expect.poll(() => flags.get("pageSize")).toBe(7);
    end();
    expect(failures).toEqual([expect.stringMatching(/20 ms/), "Error: thrown", "Error: rejected"]);
    await flags.close();
  });

  it("reports a subscription that fails, and polls", async () => {
    const source = await sourceWith({ pageSize: { rules: [{ value: 7 }] } });
    const failures: unknown[] = [];
    const end = sourceFail.subscribe(({ error }) => void failures.push(error));
    const deaf: FlagSource = { ...source, watch: ({ failed }) => (failed("no permission"), () => undefined) };
    const flags = createFlags({ flags: definitions, source: deaf, refresh: { pollMs: 10 } });
    await expect.poll(() => flags.get("pageSize")).toBe(7);
    end();
    expect(failures).toEqual(["no permission"]);
    await flags.close();
  });

  it("polls a source whose watch throws, and ends with close", async () => {
    const source = await sourceWith({ pageSize: { rules: [{ value: 7 }] } });
    const failures: string[] = [];
    const end = sourceFail.subscribe(({ error }) => void failures.push(String(error)));
    let reads = 0;
    const broken: FlagSource = {
      ...source,
      read: (request) => (reads++, source.read(request)),
      watch() {
        throw new Error("no subscriber");
      },
    };
    const flags = createFlags({ flags: definitions, source: broken, refresh: { pollMs: 10 } });
    await expect.poll(() => reads).toBeGreaterThan(2);
    end();
    expect(failures).toEqual(["Error: no subscriber"]);
    expect(flags.get("pageSize")).toBe(7);
    await flags.close();
  });
});
