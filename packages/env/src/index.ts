export { type LoadScaleEnvOptions, loadScaleEnv } from "./load.js";
export type { Environment } from "./reader.js";
export type {
  DatabaseEnv,
  EnvVariable,
  PoolEnv,
  RequiredSettings,
  RequirableName,
  ScaleEnv,
  SettingName,
  SettingSource,
  StorageEnv,
  VariableName,
} from "./types.js";
export { envVariables } from "./variables.js";
