import type { Kind } from "./types.js";

const HIDDEN = "***";
// Letters, digits, dots and dashes with an optional port: too little to hold a user and a password.
const BARE_HOST = /^(?:[a-z0-9_][a-z0-9_.-]*|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/** True for `host`, `host:port` and their IPv6 forms. */
export function isBareHost(text: string): boolean {
  return BARE_HOST.test(text);
}

const maskers: Readonly<Record<Kind, (value: string) => string>> = {
  postgres: maskUrl,
  redis: maskUrl,
  // The key of a DSN stands before the @: without one there is no telling where it is.
  dsn: (value) => (/:\/\/[^@/]+@/.test(value) ? maskUrl(value) : hideAfter(schemeOf(value))),
  replicas: maskReplicas,
  choice: maskText,
  host: maskText,
  integer: maskText,
  switch: maskText,
  text: maskText,
  web: maskText,
};

/** A value as messages and reports may show it: what could be a secret is replaced by `***`. */
export function mask(kind: Kind, value: string): string {
  return maskers[kind](value);
}

/** Keeps scheme, host, port and path. The path goes too when it may be the end of a password with a bare `/` in it. */
function maskUrl(value: string): string {
  const scheme = schemeOf(value);
  const url = scheme !== undefined && URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || `${url.pathname}${url.search}${url.hash}`.includes("@")) return hideAfter(scheme);
  const user = url.username === "" && url.password === "" ? "" : `${HIDDEN}@`;
  const rest = url.search === "" && url.hash === "" ? "" : `?${HIDDEN}`;
  return `${scheme}${user}${url.host}${url.pathname}${rest}`;
}

function maskReplicas(value: string): string {
  const items = value.split(",").map((item) => item.trim());
  // What is neither may be the end of a password with a bare comma in it, and what looks like a host its middle.
  const torn = items.some((item) => item !== "" && !isBareHost(item) && schemeOf(item) === undefined);
  return torn ? HIDDEN : items.map((item) => (isBareHost(item) ? item : maskUrl(item))).join(",");
}

/** A URL that went into the wrong variable has its password with it. */
function maskText(value: string): string {
  return value.includes("://") || value.includes("@") ? maskUrl(value) : value;
}

function schemeOf(value: string): string | undefined {
  return /^[a-z][a-z0-9+.-]*:\/\//i.exec(value)?.[0];
}

function hideAfter(scheme = ""): string {
  return `${scheme}${HIDDEN}`;
}
