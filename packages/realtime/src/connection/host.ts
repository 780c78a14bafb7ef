import { inRootContext } from "@scale/core/kit";
import type { Page, Reader } from "../delivery/reader.js";
import { storeFail } from "../events.js";
import type { Connection } from "./connection.js";

/** Milliseconds before a failed read is repeated, and the longest such time. */
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 2000;

/** Reads the events after the position of a connection. */
export function readNext(reader: Reader, { tenantId, names, epoch, position }: Connection): Promise<Page> {
  return reader.read(tenantId, names, { epoch, position });
}

/** Reads for a connection until the store answers. @returns `undefined` once the connection has ended or the feed is lost */
export async function readUntilAnswered(
  reader: Reader,
  connection: Connection,
  isLive: () => boolean,
): Promise<Page | undefined> {
  const { tenantId } = connection;
  for (let delayMs = FIRST_RETRY_MS; !connection.isEnded && isLive(); delayMs = Math.min(delayMs * 2, MAX_RETRY_MS)) {
    try {
      return await readNext(reader, connection);
    } catch (error) {
      storeFail.publish(() => ({ tenantId, operation: "read", error }));
      await pause(delayMs * (0.5 + Math.random() / 2));
    }
  }
  return undefined;
}

/** Does not keep the process alive. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    inRootContext(() => setTimeout(resolve, ms).unref());
  });
}
