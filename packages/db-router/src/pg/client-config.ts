import type { Pool, PoolConfig } from "pg";

/** The options of a pool's clients. The password is not enumerable there, so a copy needs it explicitly. */
export function clientConfig({ options }: Pool): PoolConfig {
  return options.password === undefined ? { ...options } : { ...options, password: options.password };
}
