import { createDeadline } from "@scale/core/kit";

/** A connected `pg` Client that nothing else uses. */
export interface NotificationClient {
  query(text: string): Promise<unknown>;
  on(event: "notification" | "error" | "end", listener: () => void): unknown;
  end(): Promise<unknown>;
}

export interface ListenerOptions {
  connect(): Promise<NotificationClient>;
  readonly channel: string;
  /** Called for each notification, and after each connect: commits before it were not heard. */
  wake(): void;
}

const RECONNECT_MS = 1000;
const CONNECT_MS = 5000;

/** Keeps a connection that listens. While it has none the relay polls, so that its loss delays messages and loses none. */
export function startListener({ connect, channel, wake }: ListenerOptions): { close(): Promise<void> } {
  const deadline = createDeadline(CONNECT_MS);
  let isClosed = false;
  let client: NotificationClient | undefined;
  let timer: NodeJS.Timeout | undefined;

  function reconnect(lost?: NotificationClient): void {
    if (isClosed || (lost !== undefined && lost !== client)) return;
    client = undefined;
    clearTimeout(timer);
    timer = setTimeout(() => void open(), RECONNECT_MS).unref();
  }

  async function open(): Promise<void> {
    const connecting = connect();
    // A connection that comes after the deadline, or after `close`, is closed here.
    const adopt = async (): Promise<NotificationClient> => {
      const opened = await connecting;
      if (isClosed || client !== undefined) await end(opened);
      else client = opened;
      return opened;
    };
    try {
      const opened = await deadline(adopt(), "the connection of the listener");
      if (client !== opened) return;
      for (const event of ["error", "end"] as const) opened.on(event, () => reconnect(opened));
      opened.on("notification", wake);
      await deadline(opened.query(`listen ${channel}`), "listen");
      wake();
    } catch {
      if (client !== undefined) void end(client);
      reconnect(client);
    }
  }
  void open();

  return {
    async close() {
      isClosed = true;
      clearTimeout(timer);
      const last = client;
      client = undefined;
      if (last !== undefined) await end(last);
    },
  };

  async function end(one: NotificationClient): Promise<void> {
    await deadline(Promise.resolve(one.end()), "the end of the listener").catch(() => undefined);
  }
}
