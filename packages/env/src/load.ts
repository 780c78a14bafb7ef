import { z } from "zod";
import { parseOptions } from "@scale/core/kit";
import { readDatabase } from "./database.js";
import { readHost, readInteger, readSwitch, readString, readUrl } from "./fields.js";
import { createReader, type Environment } from "./reader.js";
import { readStorage } from "./storage.js";
import type { RequiredSettings, RequirableName, ScaleEnv } from "./types.js";
import { settingOfName } from "./variables.js";

export interface LoadScaleEnvOptions<Required extends readonly RequirableName[] = readonly RequirableName[]> {
  /**
   * Settings that must be set, by setting (`"database.url"`) or variable (`"DATABASE_URL"`; an alias names its setting
   * too). A default does not count.
   * @default []
   */
  readonly require?: Required;
}

const requirable = z.string().transform((name, context) => {
  const setting = settingOfName.get(name);
  if (setting !== undefined) return setting;
  context.addIssue({ code: "custom", message: "expected a setting or a variable of envVariables" });
  return z.NEVER;
});
const optionsSchema = z.strictObject({ require: z.array(requirable).default([]) });

/**
 * Reads the settings of an application from its environment variables, aliases included, and checks all of them.
 * An empty variable counts as not set.
 * @returns a frozen object; settings that `require` names are typed as present
 * @throws {ConfigError} with one line per problem; passwords and keys are masked
 */
export function loadScaleEnv<const Required extends readonly RequirableName[] = readonly []>(
  env?: Environment,
  options?: LoadScaleEnvOptions<Required>,
): ScaleEnv & RequiredSettings<Required>;
export function loadScaleEnv(env: Environment = process.env, options: LoadScaleEnvOptions = {}): ScaleEnv {
  const { require: needed } = parseOptions(optionsSchema, options, "loadScaleEnv");
  const reader = createReader(env);
  const { database, readReplicas } = readDatabase(reader);
  const settings = {
    appName: readString(reader, "appName"),
    database,
    redis: { url: readUrl(reader, "redis.url") },
    statsd: { host: readHost(reader, "statsd.host"), port: readInteger(reader, { setting: "statsd.port" }).value },
    apm: { serverUrl: readUrl(reader, "apm.serverUrl") },
    sentry: { dsn: readUrl(reader, "sentry.dsn"), publicDsn: readUrl(reader, "sentry.publicDsn") },
    storage: readStorage(reader),
    features: {
      jobQueues: readSwitch(reader, "features.jobQueues"),
      caching: readSwitch(reader, "features.caching"),
      readReplicas,
    },
  };
  for (const setting of needed) reader.requireVariable(setting);
  return deepFreeze({ ...settings, sources: reader.finish() });
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === "object" && inner !== null) deepFreeze(inner);
  }
  return Object.freeze(value);
}
