import { afterEach } from "vitest";
import type { Admitted, Frame, Hub, Refused, Sink } from "../src/index.js";

export interface ReceivedEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: unknown;
}

/** A client that takes frames at once, or only when a test lets it. */
export interface TestSink extends Sink {
  /** Events that the client has parsed, without heartbeats. */
  readonly events: ReceivedEvent[];
  readonly retries: number[];
  /** Data of the events of topics. */
  values(): unknown[];
  names(): string[];
  /** Id that a client would send after a reconnect. */
  readonly lastEventId: string;
  /** `false`: nothing is taken until `release`. */
  isReading: boolean;
  release(): void;
  /** Takes what waits, before the connection has told that it has room again. */
  takeEarly(): void;
  readonly ended: "end" | "destroy" | undefined;
  readonly heartbeats: number;
}

export function createSink(): TestSink {
  const drains: (() => void)[] = [];
  let pending: Frame[] = [];
  let taken = 0;
  let ended: TestSink["ended"];
  let lastEventId = "";
  let heartbeats = 0;
  const sink: TestSink = {
    events: [],
    retries: [],
    isReading: true,
    values: () =>
      sink.events.filter(({ event }) => event === "message").map(({ data }) => (data as { data: unknown }).data),
    names: () => sink.events.map(({ event }) => event),
    get lastEventId() {
      return lastEventId;
    },
    get heartbeats() {
      return heartbeats;
    },
    get ended() {
      return ended;
    },
    get pendingBytes() {
      return pending.reduce((sum, { bytes }) => sum + bytes.length, 0);
    },
    get takenBytes() {
      return taken;
    },
    write(frame) {
      if (ended !== undefined) return;
      if (sink.isReading) take(frame);
      else pending.push(frame);
    },
    release() {
      sink.isReading = true;
      for (const frame of pending.splice(0)) take(frame);
      for (const drain of drains) drain();
    },
    takeEarly() {
      for (const frame of pending.splice(0)) take(frame);
    },
    onDrain: (listener) => void drains.push(listener),
    end: () => void (ended ??= "end"),
    destroy() {
      pending = [];
      ended = "destroy";
    },
  };
  function take(frame: Frame): void {
    taken += frame.bytes.length;
    for (const block of frame.text.split("\n\n").filter((text) => text !== "")) parse(block);
  }
  function parse(block: string): void {
    const fields = new Map(
      block.split("\n").map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)]),
    );
    const id = fields.get("id");
    if (id !== undefined) lastEventId = id;
    const retry = fields.get("retry");
    if (retry !== undefined) sink.retries.push(Number(retry));
    const data = fields.get("data");
    if (data === undefined) return;
    const event = fields.get("event") ?? "message";
    if (event === "heartbeat") heartbeats++;
    else sink.events.push({ id, event, data: JSON.parse(data) });
  }
  return sink;
}

export interface JoinOptions {
  readonly tenantId?: string;
  readonly userId?: string;
  readonly expiresAtMs?: number;
  readonly topics?: readonly string[];
  readonly lastEventId?: string;
}

/** The part of a hub of any topics. */
export type AnyHub = Pick<Hub<never>, "close"> & {
  connect(request: {
    principal: { tenantId: string; userId?: string; expiresAtMs?: number };
    topics: readonly string[];
    lastEventId?: string;
  }): Promise<Admitted | Refused>;
};

export interface Joined {
  readonly sink: TestSink;
  leave(): void;
}

/** Connects a client that reads everything. */
export async function join(hub: AnyHub, options: JoinOptions = {}, sink: TestSink = createSink()): Promise<Joined> {
  const { tenantId = "acme", topics = ["news"], lastEventId, ...principal } = options;
  const admission = await hub.connect({
    principal: { tenantId, ...principal },
    topics,
    ...(lastEventId !== undefined && { lastEventId }),
  });
  if (!admission.admitted) throw new Error(`refused: ${admission.reason}`);
  admission.start(sink);
  return { sink, leave: () => admission.leave() };
}

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

/** Closes it when the test ends. */
export function closing<T extends { close(): void }>(each: T): T {
  opened.push(each);
  return each;
}
