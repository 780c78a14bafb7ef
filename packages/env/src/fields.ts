import type { Candidate, Reader, Reading } from "./reader.js";
import { settings } from "./table.js";
import type { SettingOf } from "./types.js";
import { parseHost, parseInteger, parseSwitch, parseUrl } from "./values.js";

/** Type of the default of a string setting. */
type DefaultOf<S extends SettingOf<"string">> = (typeof settings)[S]["value"]["default"];

export function readString<S extends SettingOf<"string">>(reader: Reader, setting: S): string | DefaultOf<S> {
  return reader.read({ setting, parse: (raw) => raw, fallback: settings[setting].value.default }).value;
}

export function readHost(reader: Reader, setting: SettingOf<"host">): string | undefined {
  return reader.read({ setting, parse: parseHost, fallback: undefined }).value;
}

export function readUrl(reader: Reader, setting: SettingOf<"redis" | "web" | "dsn">): string | undefined {
  const { kind } = settings[setting].value;
  return reader.read({ setting, parse: (raw) => parseUrl(kind, raw), fallback: undefined }).value;
}

/** @param fallback default of a switch that depends on another setting */
export function readSwitch(reader: Reader, setting: SettingOf<"switch">, fallback?: boolean): boolean {
  const otherwise = settings[setting].value.default ?? fallback ?? false;
  return reader.read({ setting, parse: parseSwitch, fallback: otherwise }).value;
}

export interface IntegerField {
  readonly setting: SettingOf<"integer">;
  /** Upper bound of the default. Does not apply to a value that is set. */
  readonly maxDefault?: number;
  readonly extraCandidates?: readonly Candidate[];
}

export function readInteger(
  reader: Reader,
  { setting, maxDefault, extraCandidates = [] }: IntegerField,
): Reading<number> {
  const fallback = Math.min(settings[setting].value.default, maxDefault ?? Number.POSITIVE_INFINITY);
  return reader.read({ setting, parse: (raw) => parseInteger(setting, raw), fallback, extraCandidates });
}
