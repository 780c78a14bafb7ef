import { type SubscriberLike, subscription } from "@scale/core/redis";

/**
 * Calls `changed` for each message of a channel, and after each new subscription, since messages before it are lost.
 * Subscribes again whenever the client is ready.
 * @returns a function that ends it
 */
export function watchChannel(
  client: SubscriberLike,
  channel: string,
  on: { changed(): void; failed(error: unknown): void },
): () => void {
  const { start, end } = subscription(client, [channel], { message: () => on.changed(), lost: () => undefined });
  let isEnded = false;
  // Async, because a client may throw where it should reject.
  const subscribe = async (): Promise<void> => {
    try {
      await start();
      if (isEnded) end();
      else on.changed();
    } catch (error) {
      if (!isEnded) on.failed(error);
    }
  };
  // A client that subscribes by itself again does it once more here, which changes nothing on the server.
  const onReady = (): void => void subscribe();
  client.on("ready", onReady);
  // A client that is connecting may refuse commands, and reports when it is ready.
  if (!isConnecting(client)) void subscribe();
  return () => {
    isEnded = true;
    client.off("ready", onReady);
    end();
  };
}

const isConnecting = (client: SubscriberLike): boolean =>
  "status" in client && ["connecting", "connect", "reconnecting"].includes(client.status);
