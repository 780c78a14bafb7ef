import { settings } from "./table.js";
import type { Kind, SettingName, SettingOf } from "./types.js";

type UrlKind = Extract<Kind, "postgres" | "redis" | "web" | "dsn">;

const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9_%][a-z0-9_.%-]*)$/i;

interface UrlForm {
  readonly protocols: readonly [string, string];
  readonly isComplete: (url: URL) => boolean;
}

const hasHost = ({ hostname }: URL): boolean => HOST.test(hostname);

const URL_FORMS: Readonly<Record<UrlKind, UrlForm>> = {
  postgres: {
    protocols: ["postgresql:", "postgres:"],
    // A socket is given by a parameter, without a host before the path.
    isComplete: (url) => hasHost(url) || (url.hostname === "" && url.searchParams.has("host")),
  },
  redis: {
    protocols: ["redis:", "rediss:"],
    isComplete: (url) => hasHost(url) && /^\/?\d*$/.test(url.pathname),
  },
  web: { protocols: ["https:", "http:"], isComplete: hasHost },
  dsn: {
    protocols: ["https:", "http:"],
    isComplete: (url) => hasHost(url) && url.username !== "" && /[^/]$/.test(url.pathname),
  },
};

const ON = ["true", "1", "yes", "on"];
const OFF = ["false", "0", "no", "off"];

/** Result of a parser that can say more than "invalid". */
export class InvalidValue {
  /** The value without its secrets. */
  readonly shown: string;
  /** Replaces the expectation of the setting in the message. */
  readonly expected: string | undefined;

  constructor(shown: string, expected?: string) {
    this.shown = shown;
    this.expected = expected;
  }
}

/** Form of a value of the setting; completes the sentence "expected …". */
export function expectedOf(setting: SettingName): string {
  const { value } = settings[setting];
  if (value.kind === "string") return value.what;
  if (value.kind === "host") return "a host name without a scheme or port";
  if (value.kind === "integer") return `an integer from ${value.min} to ${value.max}`;
  if (value.kind === "switch") return `one of ${[...ON, ...OFF].join(", ")}`;
  if (value.kind === "choice") return `one of ${value.choices.join(", ")}`;
  if (value.kind === "replicas") return `a list of host names and ${protocolsOf("postgres")} URLs, percent-encoded`;
  if (value.kind === "dsn") return "a DSN such as https://key@host/1";
  if (value.kind === "web") return `an ${protocolsOf("web")} URL`;
  // With the right scheme, the likely mistake is an unescaped special character in the password.
  return `a ${protocolsOf(value.kind)} URL, percent-encoded`;
}

const protocolsOf = (kind: UrlKind): string =>
  URL_FORMS[kind].protocols.map((protocol) => `${protocol}//`).join(" or ");

/** Returns `undefined` for an invalid value, as the other parsers do. */
export function parseInteger(setting: SettingOf<"integer">, raw: string): number | undefined {
  const { min, max } = settings[setting].value;
  const amount = /^\d{1,9}$/.test(raw) ? Number(raw) : Number.NaN;
  return amount >= min && amount <= max ? amount : undefined;
}

export function parseSwitch(raw: string): boolean | undefined {
  const word = raw.toLowerCase();
  if (ON.includes(word)) return true;
  return OFF.includes(word) ? false : undefined;
}

export function parseHost(raw: string): string | undefined {
  return HOST.test(raw) ? raw : undefined;
}

/** Returns the URL as written, or `undefined`, also when an unescaped character in its password shifted its parts. */
export function parseUrl(kind: UrlKind, raw: string): string | undefined {
  if (!/^[a-z]+:\/\/\S+$/i.test(raw) || !URL.canParse(raw)) return undefined;
  const url = new URL(raw);
  const { protocols, isComplete } = URL_FORMS[kind];
  const shifted = url.hash !== "" || url.pathname.includes("@") || /^\?[^=]*@/.test(url.search);
  return !shifted && protocols.includes(url.protocol) && isComplete(url) ? raw : undefined;
}
