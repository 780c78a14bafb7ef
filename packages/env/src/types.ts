import type { settings } from "./table.js";

type Settings = typeof settings;

/** The place of a setting in `ScaleEnv`, such as `"database.pool.max"`. */
export type SettingName = keyof Settings;

/** A variable that is read: a canonical name or an alias. */
export type VariableName = Settings[SettingName]["name"] | Settings[SettingName]["aliases"][number];

export type Kind = Settings[SettingName]["value"]["kind"];

/** The settings whose value is of `K`. */
export type SettingOf<K extends Kind> = {
  [S in SettingName]: Settings[S]["value"]["kind"] extends K ? S : never;
}[SettingName];

/** What `require` takes: a setting, or any of its variables. */
export type RequirableName = SettingName | VariableName;

export interface PoolEnv {
  readonly max: number;
  /** At most `max`. */
  readonly min: number;
}

export interface DatabaseEnv {
  /** The primary. Without `connection_limit`, which is in `pool.max`; otherwise as it was written. */
  readonly url: string | undefined;
  /** Complete URLs, in the order they were written; empty without replicas. */
  readonly replicaUrls: readonly string[];
  /** Of one process, to the primary. */
  readonly pool: PoolEnv;
  /** Of one process, to each replica. */
  readonly replicaPool: PoolEnv;
  /** True when `features.readReplicas` is on and there is a replica to read from. */
  readonly useReplicas: boolean;
}

interface StorageBase {
  readonly uploadDir: string;
  readonly s3Bucket: string | undefined;
  readonly r2Bucket: string | undefined;
  readonly cdnBaseUrl: string | undefined;
}

/** The bucket of the chosen provider is always there; those of the others are kept for moving files between them. */
export type StorageEnv = StorageBase &
  (
    | { readonly provider: "local" }
    | { readonly provider: "s3"; readonly s3Bucket: string }
    | { readonly provider: "cloudflare-r2"; readonly r2Bucket: string }
  );

/** Where a setting's value comes from. `shown` is the value as text, without its secrets. */
export type SettingSource =
  | {
      readonly is: "variable";
      /** More than one when aliases agree. `DATABASE_URL?connection_limit` is that parameter of the URL. */
      readonly variables: readonly string[];
      readonly shown: string;
    }
  | { readonly is: "default"; readonly shown: string }
  | { readonly is: "unset" };

/** The environment of an application, checked. What is not set and has no default is `undefined`. */
export interface ScaleEnv {
  readonly appName: string | undefined;
  readonly database: DatabaseEnv;
  readonly redis: { readonly url: string | undefined };
  readonly statsd: { readonly host: string | undefined; readonly port: number };
  readonly apm: { readonly serverUrl: string | undefined };
  readonly sentry: {
    readonly dsn: string | undefined;
    /** For the browser; not a secret, and not a stand-in for `dsn`. */
    readonly publicDsn: string | undefined;
  };
  readonly storage: StorageEnv;
  readonly features: {
    readonly jobQueues: boolean;
    readonly caching: boolean;
    /** What the switch says; `database.useReplicas` knows whether there is a replica too. */
    readonly readReplicas: boolean;
  };
  /** Which variable, or default, each setting was read from. */
  readonly sources: Readonly<Record<SettingName, SettingSource>>;
}

type NamesOf<S extends SettingName> = S | Settings[S]["name"] | Settings[S]["aliases"][number];

/**
 * A text that is there for certain when `Required` names its setting. Element by element, and for every member of a
 * union of lists: a name that is in the list on some paths only must not promise a value.
 */
type Given<S extends SettingName, Required> = Required extends readonly unknown[]
  ? true extends { [Index in keyof Required]: [Required[Index]] extends [NamesOf<S>] ? true : false }[number]
    ? string
    : string | undefined
  : never;

/** The part of a `ScaleEnv` that `require` can promise. */
export interface Promised<Required> {
  readonly appName: Given<"appName", Required>;
  readonly database: { readonly url: Given<"database.url", Required> };
  readonly redis: { readonly url: Given<"redis.url", Required> };
  readonly statsd: { readonly host: Given<"statsd.host", Required> };
  readonly apm: { readonly serverUrl: Given<"apm.serverUrl", Required> };
  readonly sentry: {
    readonly dsn: Given<"sentry.dsn", Required>;
    readonly publicDsn: Given<"sentry.publicDsn", Required>;
  };
  readonly storage: {
    readonly s3Bucket: Given<"storage.s3Bucket", Required>;
    readonly r2Bucket: Given<"storage.r2Bucket", Required>;
    readonly cdnBaseUrl: Given<"storage.cdnBaseUrl", Required>;
  };
}

/** One row of the table of variables, for documentation and tools. */
export interface EnvVariable {
  readonly setting: SettingName;
  /** The canonical variable. */
  readonly name: VariableName;
  /** Other spellings that are read too. */
  readonly aliases: readonly VariableName[];
  readonly description: string;
  /** What a value looks like, in the words of the error message. */
  readonly expected: string;
  /** `undefined` when there is none, or when it follows from other settings. */
  readonly default: string | undefined;
  readonly example: string;
  /** Whether an example file sets the variable or shows it in a comment. */
  readonly inExample: "set" | "comment";
  /** The example files it is in: `scalability` stands for `packages/env/.env.scalability.example`. */
  readonly files: readonly ("scalability" | "storage" | "queues")[];
}
