import type { Candidate, Reader, Reading } from "./reader.js";
import { settings } from "./table.js";
import type { SettingOf } from "./types.js";
import { parseHost, parseInteger, parseSwitch, parseUrl } from "./values.js";

/** What a text setting has when it is not set. */
type DefaultOf<S extends SettingOf<"text">> = (typeof settings)[S]["value"]["default"];

export function readText<S extends SettingOf<"text">>(reader: Reader, setting: S): string | DefaultOf<S> {
  return reader.read({ setting, parse: (raw) => raw, fallback: settings[setting].value.default }).value;
}

export function readHost(reader: Reader, setting: SettingOf<"host">): string | undefined {
  return reader.read({ setting, parse: parseHost, fallback: undefined }).value;
}

export function readUrl(reader: Reader, setting: SettingOf<"redis" | "web" | "dsn">): string | undefined {
  const { kind } = settings[setting].value;
  return reader.read({ setting, parse: (raw) => parseUrl(kind, raw), fallback: undefined }).value;
}

/** @param fallback in place of a default that follows from another setting */
export function readSwitch(reader: Reader, setting: SettingOf<"switch">, fallback?: boolean): boolean {
  const otherwise = settings[setting].value.default ?? fallback ?? false;
  return reader.read({ setting, parse: parseSwitch, fallback: otherwise }).value;
}

export interface IntegerField {
  readonly setting: SettingOf<"integer">;
  /** Caps the default alone. */
  readonly defaultAtMost?: number;
  readonly also?: readonly Candidate[];
}

export function readInteger(reader: Reader, { setting, defaultAtMost, also = [] }: IntegerField): Reading<number> {
  const fallback = Math.min(settings[setting].value.default, defaultAtMost ?? Number.POSITIVE_INFINITY);
  return reader.read({ setting, parse: (raw) => parseInteger(setting, raw), fallback, also });
}
