import { settings } from "./table.js";
import type { EnvVariable, SettingName } from "./types.js";
import { expectation } from "./values.js";

const settingNames = Object.keys(settings) as SettingName[];

/** Every variable that `loadScaleEnv` reads, one row for each setting, in the order of the example files. */
export const envVariables: readonly EnvVariable[] = settingNames.map(describeSetting);

function describeSetting(setting: SettingName): EnvVariable {
  const { value, ...row } = settings[setting];
  const fallback = "default" in value ? value.default : undefined;
  return {
    setting,
    ...row,
    expected: expectation(setting),
    default: fallback === undefined ? undefined : String(fallback),
  };
}

/** The setting of each name that `require` takes. */
export const settingOfName: ReadonlyMap<string, SettingName> = new Map(
  envVariables.flatMap(({ setting, name, aliases }) =>
    [setting, name, ...aliases].map((key): [string, SettingName] => [key, setting]),
  ),
);
