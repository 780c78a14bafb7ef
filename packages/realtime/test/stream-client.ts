import { type Agent, type IncomingMessage, request } from "node:http";

export interface StreamEvent {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

/** A client of a stream of events over a real socket. */
export interface StreamClient {
  readonly response: IncomingMessage;
  /** Events without heartbeats. */
  readonly events: StreamEvent[];
  readonly heartbeats: number;
  values(): unknown[];
  readonly lastEventId: string;
  readonly isEnded: boolean;
  close(): void;
}

export interface StreamRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly lastEventId?: string;
  readonly method?: string;
  /** @default a connection of its own */
  readonly agent?: Agent;
}

/** Requests a stream. Resolves with the head of the response. */
export function openStream(
  url: string,
  { headers, lastEventId, method = "GET", agent }: StreamRequest = {},
): Promise<StreamClient> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method,
      agent: agent ?? false,
      headers: {
        accept: "text/event-stream",
        ...(lastEventId !== undefined && { "last-event-id": lastEventId }),
        ...headers,
      },
    });
    outgoing.once("error", reject);
    outgoing.once("response", (response) => resolve(readStream(response, () => outgoing.destroy())));
    outgoing.end();
  });
}

function readStream(response: IncomingMessage, close: () => void): StreamClient {
  let rest = "";
  let lastEventId = "";
  let heartbeats = 0;
  let isEnded = false;
  const events: StreamEvent[] = [];
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => {
    const blocks = (rest + chunk).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) parse(block);
  });
  response.once("close", () => {
    isEnded = true;
  });
  // A connection that the server has cut.
  response.on("error", () => undefined);
  function parse(block: string): void {
    const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
    lastEventId = field("id") ?? lastEventId;
    const data = field("data");
    const event = field("event") ?? "message";
    if (event === "heartbeat") heartbeats++;
    else if (data !== undefined) events.push({ id: lastEventId, event, data: JSON.parse(data) });
  }
  return {
    response,
    events,
    get heartbeats() {
      return heartbeats;
    },
    values: () => events.filter(({ event }) => event === "message").map(({ data }) => (data as { data: unknown }).data),
    get lastEventId() {
      return lastEventId;
    },
    get isEnded() {
      return isEnded;
    },
    close,
  };
}
