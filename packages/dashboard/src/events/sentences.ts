import type { FeedEvent } from "../types.js";
import { isObject, itemsOf, type Message, text } from "./message.js";

export type Sentence = Pick<FeedEvent, "kind" | "text"> & { readonly tenantId?: string };

/** Turns messages of one channel into sentences; `undefined` for those that need none. */
export type ToSentence = (message: Message) => Sentence | undefined;

/** Sentence about a tenant. */
const about = (message: Message, kind: FeedEvent["kind"], said: string): Sentence => ({
  kind,
  text: said,
  ...(typeof message["tenantId"] === "string" && message["tenantId"] !== "" && { tenantId: text(message["tenantId"]) }),
});

const named = ({ key, breaker }: Message): string =>
  `${text(breaker)}${typeof key === "string" ? ` (${text(key)})` : ""}`;

function decided(message: Message): Sentence | undefined {
  const { decision } = message;
  if (!isObject(decision) || decision["allowed"] !== false) return undefined;
  const rules = itemsOf(decision["violated"]).map(ruleName).join(", ");
  return about(message, "limit", `${text(message["tenantId"])} was denied by ${rules || "a rate limit"}`);
}

const ruleName = (rule: unknown): string => (isObject(rule) ? text(rule["name"]) : text(rule));

export const sentencesOf: Readonly<Record<string, ToSentence>> = {
  "scale:rate-limit:request-decide": decided,
  "scale:rate-limit:store-fail": (it) =>
    about(it, "limit", `the store of the limiter ${text(it["limiter"])} did not answer`),
  "scale:shed:request-shed": (it) =>
    about(it, "limit", `${text(it["tenantId"])} was refused because the process is busy (${text(it["reason"])})`),
  "scale:quota:use-refuse": (it) =>
    about(
      it,
      "limit",
      `${text(it["tenantId"])} has used up its ${text(it["metric"])}: ${text(it["used"])} of ${text(it["limit"])}`,
    ),
  "scale:quota:threshold-reach": (it) =>
    about(
      it,
      "limit",
      `${text(it["tenantId"])} has used ${text(it["used"])} of ${text(it["limit"])} ${text(it["metric"])}`,
    ),
  "scale:core:redis-stall": (it) =>
    about(it, "health", it["stalled"] === true ? "Redis does not answer in time" : "Redis answers again"),
  "scale:cache:memory-drop": (it) =>
    it["isFirst"] === true ? undefined : about(it, "cache", "memory was dropped: invalidations may have been missed"),
  "scale:cache:stale-serve": (it) =>
    about(it, "cache", `a stale ${text(it["name"])} was served (${text(it["reason"])})`),
  "scale:db-router:node-eject": (it) =>
    about(it, "database", `${text(it["node"])} serves nothing: ${text(it["reason"])}`),
  "scale:db-router:node-return": (it) => about(it, "database", `${text(it["node"])} serves again`),
  "scale:db-router:primary-change": (it) =>
    about(it, "database", it["to"] === undefined ? "no server accepts writes" : `writes go to ${text(it["to"])}`),
  "scale:db-router:bulkhead-refuse": (it) =>
    about(it, "database", `a statement of ${text(it["tenantId"], "no tenant")} was refused (${text(it["reason"])})`),
  "scale:breaker:state-change": (it) =>
    about(it, "resilience", `the breaker ${named(it)} is ${text(it["to"])} (${text(it["reason"])})`),
  "scale:breaker:mode-change": (it) => about(it, "change", `the breaker ${named(it)} was set to ${text(it["to"])}`),
  "scale:flags:settings-write": (it) =>
    about(it, "change", `${text(it["changedBy"], "a process")} changed the flag ${text(it["flag"])}`),
  "scale:flags:degrade-change": (it) =>
    about(
      it,
      "resilience",
      `the flag ${text(it["flag"])} ${it["isDegraded"] === true ? "is degraded" : "has recovered"}`,
    ),
  "scale:health:check-change": (it) =>
    it["from"] === undefined && it["to"] === "pass"
      ? undefined
      : about(
          it,
          "health",
          `the check ${text(it["check"])} went from ${text(it["from"], "unknown")} to ${text(it["to"])}`,
        ),
  "scale:breaker:fallback-use": (it) => about(it, "resilience", `a fallback of ${text(it["policy"])} was used`),
  "scale:shed:brake-change": (it) =>
    about(
      it,
      "resilience",
      it["isBraking"] === true
        ? "the event loop is late: fewer requests are admitted"
        : "the event loop is on time again",
    ),
  "scale:core:plan-fallback": (it) =>
    about(it, "limit", `the plan of ${text(it["tenantId"])} is not known: the ${text(it["used"])} one is used`),
  "scale:queue:job-refuse": (it) =>
    about(it, "limit", `a job ${text(it["job"])} of ${text(it["tenantId"])} was refused (${text(it["reason"])})`),
  "scale:queue:store-fail": (it) => about(it, "health", `the store of the queue ${text(it["queue"])} did not answer`),
  "scale:realtime:feed-change": (it) => about(it, "health", `the stream of notifications is ${text(it["state"])}`),
  "scale:health:drain-start": (it) => about(it, "health", `the process is draining (${text(it["reason"])})`),
};
