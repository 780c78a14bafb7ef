import type { settings } from "./table.js";

type Settings = typeof settings;

/** Path of a setting in `ScaleEnv`, such as `"database.pool.max"`. */
export type SettingName = keyof Settings;

/** A variable that is read: a canonical name or an alias. */
export type VariableName = Settings[SettingName]["name"] | Settings[SettingName]["aliases"][number];

export type Kind = Settings[SettingName]["value"]["kind"];

/** The settings whose value is of kind `K`. */
export type SettingOf<K extends Kind> = {
  [S in SettingName]: Settings[S]["value"]["kind"] extends K ? S : never;
}[SettingName];

/** A name that `require` accepts: a setting, or any of its variables. */
export type RequirableName = SettingName | VariableName;

export interface PoolEnv {
  readonly max: number;
  /** Not above `max`. */
  readonly min: number;
}

export interface DatabaseEnv {
  /** URL of the primary as written, except for `connection_limit`, which is in `pool.max`. */
  readonly url: string | undefined;
  /** Complete URLs of the replicas in their order; empty without replicas. */
  readonly replicaUrls: readonly string[];
  /** Pool of one process for the primary. */
  readonly pool: PoolEnv;
  /** Pool of one process for each replica. */
  readonly replicaPool: PoolEnv;
  /** True when `features.readReplicas` is on and at least one replica is set. */
  readonly useReplicas: boolean;
}

interface StorageBase {
  readonly uploadDir: string;
  readonly s3Bucket: string | undefined;
  readonly r2Bucket: string | undefined;
  readonly cdnBaseUrl: string | undefined;
}

/** The bucket of the chosen provider is always set. Those of other providers are optional, for moving files between them. */
export type StorageEnv = StorageBase &
  (
    | { readonly provider: "local" }
    | { readonly provider: "s3"; readonly s3Bucket: string }
    | { readonly provider: "cloudflare-r2"; readonly r2Bucket: string }
  );

/** Source of a setting's value. `shown` is the value as a string, without its secrets. */
export type SettingSource =
  | {
      readonly is: "variable";
      /** More than one when aliases agree. `DATABASE_URL?connection_limit` is that parameter of the URL. */
      readonly variables: readonly string[];
      readonly shown: string;
    }
  | { readonly is: "default"; readonly shown: string }
  | { readonly is: "unset" };

/** The checked environment of an application. A setting without value and default is `undefined`. */
export interface ScaleEnv {
  readonly appName: string | undefined;
  readonly database: DatabaseEnv;
  readonly redis: { readonly url: string | undefined };
  readonly statsd: { readonly host: string | undefined; readonly port: number };
  readonly apm: { readonly serverUrl: string | undefined };
  readonly sentry: {
    readonly dsn: string | undefined;
    /** DSN for the browser. Not a secret, and not a fallback for `dsn`. */
    readonly publicDsn: string | undefined;
  };
  readonly storage: StorageEnv;
  readonly features: {
    readonly jobQueues: boolean;
    readonly caching: boolean;
    /** The switch itself; `database.useReplicas` also requires a replica. */
    readonly readReplicas: boolean;
  };
  /** Variable or default that each setting was read from. */
  readonly sources: Readonly<Record<SettingName, SettingSource>>;
}

type NamesOf<S extends SettingName> = S | Settings[S]["name"] | Settings[S]["aliases"][number];

/**
 * `string` when `Required` names the setting, else `string | undefined`. Checked element by element and for every member
 * of a union of lists: a name that is in the list only on some paths must not promise a value.
 */
type RequiredString<S extends SettingName, Required> = Required extends readonly unknown[]
  ? true extends { [Index in keyof Required]: [Required[Index]] extends [NamesOf<S>] ? true : false }[number]
    ? string
    : string | undefined
  : never;

/** The settings that `require` can turn from optional into present. */
export interface RequiredSettings<Required> {
  readonly appName: RequiredString<"appName", Required>;
  readonly database: { readonly url: RequiredString<"database.url", Required> };
  readonly redis: { readonly url: RequiredString<"redis.url", Required> };
  readonly statsd: { readonly host: RequiredString<"statsd.host", Required> };
  readonly apm: { readonly serverUrl: RequiredString<"apm.serverUrl", Required> };
  readonly sentry: {
    readonly dsn: RequiredString<"sentry.dsn", Required>;
    readonly publicDsn: RequiredString<"sentry.publicDsn", Required>;
  };
  readonly storage: {
    readonly s3Bucket: RequiredString<"storage.s3Bucket", Required>;
    readonly r2Bucket: RequiredString<"storage.r2Bucket", Required>;
    readonly cdnBaseUrl: RequiredString<"storage.cdnBaseUrl", Required>;
  };
}

/** One row of the table of variables, for documentation and tools. */
export interface EnvVariable {
  readonly setting: SettingName;
  /** The canonical variable. */
  readonly name: VariableName;
  /** Alternative spellings, read too. */
  readonly aliases: readonly VariableName[];
  readonly description: string;
  /** Form of a value; completes the sentence "expected …" of the error message. */
  readonly expected: string;
  /** `undefined` without a default, or when it depends on other settings. */
  readonly default: string | undefined;
  readonly example: string;
  /** Whether an example file sets the variable or shows it in a comment. */
  readonly inExample: "set" | "comment";
  /** Example files that contain the variable: `scalability` is `packages/env/.env.scalability.example`. */
  readonly files: readonly ("scalability" | "storage" | "queues")[];
}
