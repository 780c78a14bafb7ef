import { settings } from "./table.js";
import type { EnvVariable, SettingName } from "./types.js";
import { expectedOf } from "./values.js";

const settingNames = Object.keys(settings) as SettingName[];

/** All variables that `loadScaleEnv` reads: one row per setting, in the order of the example files. */
export const envVariables: readonly EnvVariable[] = settingNames.map(describeSetting);

function describeSetting(setting: SettingName): EnvVariable {
  const { value, ...row } = settings[setting];
  const fallback = "default" in value ? value.default : undefined;
  return {
    setting,
    ...row,
    expected: expectedOf(setting),
    default: fallback === undefined ? undefined : String(fallback),
  };
}

/** The setting of each name that `require` accepts. */
export const settingOfName: ReadonlyMap<string, SettingName> = new Map(
  envVariables.flatMap(({ setting, name, aliases }) =>
    [setting, name, ...aliases].map((key): [string, SettingName] => [key, setting]),
  ),
);
