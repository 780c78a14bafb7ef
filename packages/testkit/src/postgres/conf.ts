export type Settings = Readonly<Record<string, string | number | boolean>>;

/** No safety against a crash of the machine, which would take the test with it; everything a replica needs. */
const BASE: Settings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  fsync: false,
  full_page_writes: false,
  shared_buffers: "32MB",
  max_connections: 200,
  // In the data folder, which is removed, and not in the system's shared memory, where a killed server leaves it.
  dynamic_shared_memory_type: "mmap",
  wal_level: "replica",
  max_wal_senders: 10,
  wal_keep_size: "512MB",
  hot_standby_feedback: true,
  wal_retrieve_retry_interval: "200ms",
  wal_receiver_status_interval: "1s",
  shared_preload_libraries: "pg_stat_statements",
};

/** Lines for the end of postgresql.conf, where the last of several lines for one setting counts. */
export function confLines(own: Settings, custom: Settings): string {
  const lines = Object.entries({ ...BASE, ...own, ...custom }).map(([name, value]) => `${name} = ${written(value)}`);
  return `\n${lines.join("\n")}\n`;
}

function written(value: string | number | boolean): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  return typeof value === "number" ? `${value}` : `'${value.replaceAll("'", "''")}'`;
}
