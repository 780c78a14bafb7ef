import { EventEmitter } from "node:events";
import { tenancy } from "@scale/core";
import { describe, expect, it } from "vitest";
import { bindEvents } from "./tenant-streams.js";

describe("bindEvents", () => {
  it.each([{ tenantId: "" }, { tenantId: "x".repeat(1025) }, { tenantId: "acme", userId: "" }])(
    "throws for invalid ids, and leaves the emitter unchanged",
    (tenant) => {
      const emitter = new EventEmitter();
      const seen: unknown[] = [];
      emitter.on("end", () => seen.push(tenancy.current()?.tenantId));
      expect(() => bindEvents(emitter, tenant)).toThrow(expect.objectContaining({ code: "SCALE_TENANT" }));
      emitter.emit("end");
      bindEvents(emitter, { tenantId: "acme" });
      expect(() => bindEvents(emitter, tenant)).toThrow(expect.objectContaining({ code: "SCALE_TENANT" }));
      emitter.emit("end");
      expect(seen).toEqual([undefined, "acme"]);
    },
  );
});
