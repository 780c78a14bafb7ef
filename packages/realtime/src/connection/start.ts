import type { Page } from "../delivery/reader.js";
import type { ConnectionStart } from "../events.js";

/** How a connection begins whose first page this is. */
export function startOf({ is }: Page): ConnectionStart {
  if (is === "head") return "fresh";
  return is === "events" ? "resumed" : "reset";
}
