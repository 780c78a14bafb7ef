import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { onceAcrossReloads, registerLive } from "./once-across-reloads.js";

const warnings: { readonly message: string; readonly code?: unknown }[] = [];
const note = (warning: Error): void => {
  if (warning.name === "ScaleReloadWarning") warnings.push(warning);
};
beforeEach(() => void process.on("warning", note));
afterEach(() => {
  process.off("warning", note);
  warnings.length = 0;
});
const emitted = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** The module as a dev server evaluates it again: a copy with module state of its own. */
async function reloaded(): Promise<typeof import("./once-across-reloads.js")> {
  vi.resetModules();
  return import("./once-across-reloads.js");
}

describe("onceAcrossReloads", () => {
  it("creates a value once, also when modules are evaluated again", async () => {
    const first = onceAcrossReloads("once", () => ({}));
    const again = await reloaded();
    expect(again.onceAcrossReloads).not.toBe(onceAcrossReloads);
    expect(again.onceAcrossReloads("once", () => ({}))).toBe(first);
    expect(onceAcrossReloads("other", () => 1)).toBe(1);
  });

  it("keeps undefined, and nothing of a create that fails", async () => {
    const create = vi.fn(() => undefined);
    onceAcrossReloads("undefined", create);
    onceAcrossReloads("undefined", create);
    expect(create).toHaveBeenCalledTimes(1);
    const fail = (): never => {
      throw new Error("down");
    };
    expect(() => onceAcrossReloads("fails", fail)).toThrow("down");
    expect(onceAcrossReloads("fails", () => 1)).toBe(1);
    await expect(onceAcrossReloads("rejects", () => Promise.reject(new Error("down")))).rejects.toThrow("down");
    expect(await onceAcrossReloads("rejects", () => Promise.resolve(2))).toBe(2);
  });
});

describe("registerLive", () => {
  it("warns once of a second live instance, also of another evaluation, with what to do", async () => {
    registerLive("createThing", "a");
    const again = await reloaded();
    again.registerLive("createThing", "a");
    again.registerLive("createThing", "a");
    await emitted();
    expect(warnings).toMatchObject([{ code: "SCALE_SETUP_SECOND" }]);
    expect(warnings[0]?.message).toContain('onceAcrossReloads("a", () => createThing(…))');
  });

  it("does not warn of another name or kind, nor after the first one is closed", async () => {
    const close = registerLive("createThing", "b");
    registerLive("createThing", "c");
    registerLive("createOther", "b");
    close();
    close();
    registerLive("createThing", "b");
    await emitted();
    expect(warnings).toEqual([]);
  });
});
