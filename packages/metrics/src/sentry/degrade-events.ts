import { isMessage, type Message, textOf } from "../catalogue/row.js";

/** A degradation that is worth a message. */
export interface DegradeReport {
  readonly message: string;
  readonly level: "warning" | "error";
  /** Reports with the same key are sent once in a while. */
  readonly key: string;
}

type Describe = (message: Message) => DegradeReport | undefined;

const report = (key: string, message: string, level: DegradeReport["level"] = "warning"): DegradeReport => ({
  key,
  message,
  level,
});

/** Events that say that users get less than usual, and how a person would say it. */
export const degradeEvents: Readonly<Record<string, Describe>> = {
  "scale:breaker:state-change": (message) => {
    const name = [textOf(message, "breaker"), textOf(message, "key")].filter(Boolean).join(" ");
    return textOf(message, "to") === "open"
      ? report(name, `breaker ${name} is open: ${textOf(message, "reason")}`, "error")
      : undefined;
  },
  "scale:flags:degrade-change": (message) => {
    const flag = textOf(message, "flag");
    return message["isDegraded"] === true ? report(flag, `flag ${flag} is degraded`) : undefined;
  },
  "scale:shed:brake-change": (message) => {
    const shedder = textOf(message, "shedder");
    return message["isBraking"] === true ? report(shedder, `shedder ${shedder} limits admissions`) : undefined;
  },
  "scale:core:redis-stall": (message) =>
    message["stalled"] === true
      ? report(textOf(message, "lane"), "Redis does not answer within its deadline", "error")
      : undefined,
  "scale:db-router:node-eject": (message) => {
    const node = textOf(message, "node");
    return report(node, `database node ${node} serves nothing: ${textOf(message, "reason")}`);
  },
  "scale:metrics:problem-start": (message) => {
    const tenant = textOf(message, "tenantId");
    const kind = textOf(message, "kind");
    return report(
      `${kind}:${tenant}`,
      kind === "errors" ? "requests of a tenant fail" : "requests of a tenant are slow",
    );
  },
};

/** Describes a message; `undefined` when it reports no degradation. */
export function degradeReport(channel: string, message: unknown): DegradeReport | undefined {
  return isMessage(message) ? degradeEvents[channel]?.(message) : undefined;
}
