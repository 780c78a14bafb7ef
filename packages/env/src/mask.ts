import type { Kind } from "./types.js";

/** Stands for a value that is not shown. */
export const HIDDEN = "***";
// Letters, digits, dots and dashes with an optional port: too little to hold a user and a password.
const BARE_HOST = /^(?:[a-z0-9_][a-z0-9_.-]*|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/** True for `host`, `host:port` and their IPv6 forms. */
export function isBareHost(text: string): boolean {
  return BARE_HOST.test(text);
}

const maskers: Readonly<Record<Kind, (value: string) => string>> = {
  postgres: maskUrl,
  redis: maskUrl,
  // The key of a DSN is before the @. Without an @ it may be anywhere.
  dsn: (value) => (/:\/\/[^@/]+@/.test(value) ? maskUrl(value) : hideAfter(schemeOf(value))),
  replicas: maskReplicas,
  choice: maskText,
  host: maskText,
  integer: maskText,
  switch: maskText,
  string: maskText,
  web: maskText,
};

/** An integer as a person may write it: with a sign, a fraction, an exponent, in another base, or with a unit. */
const NUMBER = /^[-+]?(?:0x[\da-f]{1,8}|\d[\d.,_]*(?:e\d+)?)(?: ?[a-z]{1,12})?$/i;

const recognizers: Readonly<Record<Kind, (value: string) => boolean>> = {
  postgres: isUrl,
  redis: isUrl,
  dsn: isUrl,
  web: isUrl,
  replicas: () => true,
  host: isUrl,
  integer: (value) => NUMBER.test(value) || isUrl(value),
  choice: isUrl,
  switch: isUrl,
  string: () => true,
};

/**
 * Masks a value that its setting refuses. One that does not look like its kind is not shown at all: it may be the secret of
 * another variable.
 */
export function maskInvalid(kind: Kind, value: string): string {
  return recognizers[kind](value) ? mask(kind, value) : HIDDEN;
}

function isUrl(value: string): boolean {
  return schemeOf(value) !== undefined;
}

/** Masks a value for messages and reports: parts that may be secret become `***`. */
export function mask(kind: Kind, value: string): string {
  return maskers[kind](value);
}

/** Keeps scheme, host, port and path. Hides the path too when it may be the end of a password with a bare `/`. */
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
  // An item that is neither a host nor a URL may be the end of a password with a bare comma; then an item that looks like
  // a host may be the middle of it. Hide everything.
  const torn = items.some((item) => item !== "" && !isBareHost(item) && schemeOf(item) === undefined);
  return torn ? HIDDEN : items.map((item) => (isBareHost(item) ? item : maskUrl(item))).join(",");
}

/** Masks URLs too: one that was set on the wrong variable contains its password. */
function maskText(value: string): string {
  return value.includes("://") || value.includes("@") ? maskUrl(value) : value;
}

function schemeOf(value: string): string | undefined {
  return /^[a-z][a-z0-9+.-]*:\/\//i.exec(value)?.[0];
}

function hideAfter(scheme = ""): string {
  return `${scheme}${HIDDEN}`;
}
