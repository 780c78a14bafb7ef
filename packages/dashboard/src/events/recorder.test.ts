import { channel } from "node:diagnostics_channel";
import { createManualClock } from "@scale/core/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { createEventRecorder } from "./recorder.js";
import { sentencesOf } from "./sentences.js";

function recording() {
  const clock = createManualClock(1_700_000_000_000);
  const recorder = createEventRecorder(clock);
  recorder.start();
  onTestFinished(() => recorder.stop());
  return { clock, recorder };
}

const denied = (tenantId: string) => ({ tenantId, decision: { allowed: false, violated: ["tenant-second"] } });

describe("createEventRecorder", () => {
  it("tells decisions in sentences, the same ones of a second once", () => {
    const { clock, recorder } = recording();
    for (let n = 0; n < 3; n++) channel("scale:rate-limit:request-decide").publish(denied("delta"));
    channel("scale:rate-limit:request-decide").publish({ tenantId: "amber", decision: { allowed: true } });
    clock.advance(1_000);
    channel("scale:rate-limit:request-decide").publish(denied("delta"));
    channel("scale:db-router:node-eject").publish({ node: "replica-1", reason: "unreachable" });
    expect(recorder.last(10).map(({ text, count, kind }) => [text, count, kind])).toEqual([
      ["replica-1 serves nothing: unreachable", 1, "database"],
      ["delta was denied by tenant-second", 1, "limit"],
      ["delta was denied by tenant-second", 3, "limit"],
    ]);
    expect(recorder.last(10, "delta")).toHaveLength(2);
    expect(recorder.last(1)).toHaveLength(1);
  });

  it("subscribes to nothing before it starts and after it stops", () => {
    const { recorder } = recording();
    expect(channel("scale:rate-limit:request-decide").hasSubscribers).toBe(true);
    recorder.stop();
    expect(channel("scale:rate-limit:request-decide").hasSubscribers).toBe(false);
  });

  it("keeps a bounded number of events", () => {
    const { recorder } = recording();
    for (let n = 0; n < 500; n++) channel("scale:db-router:node-return").publish({ node: `node-${n}` });
    expect(recorder.last(1_000)).toHaveLength(200);
  });

  it.each(Object.keys(sentencesOf))("survives every message of %s, and shows no object of it", (name) => {
    const { recorder } = recording();
    const secret = { password: "s3cret", toString: () => "s3cret" };
    const fields = ["tenantId", "decision", "node", "reason", "breaker", "key", "to", "from", "check", "flag", "used"];
    const hostile = Object.fromEntries(fields.map((field) => [field, secret]));
    for (const message of [{}, hostile, { ...hostile, decision: { allowed: false, violated: [secret] } }]) {
      channel(name).publish(message);
    }
    expect(JSON.stringify(recorder.last(10))).not.toContain("s3cret");
  });
});
