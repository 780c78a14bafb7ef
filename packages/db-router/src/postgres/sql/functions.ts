/**
 * Functions of PostgreSQL and its extensions that write, hold session state, or act on the server they run on.
 * A standby refuses most of them. It accepts those of locks and settings, where they would silently have no use.
 */
const NAMES = [
  "nextval",
  "setval",
  "currval",
  "lastval",
  "set_config",
  "setseed",
  "txid_current",
  "pg_current_xact_id",
  "pg_notify",
  "pg_export_snapshot",
  "pg_log_standby_snapshot",
  "pg_log_backend_memory_contexts",
  "pg_cancel_backend",
  "pg_terminate_backend",
  "pg_reload_conf",
  "pg_rotate_logfile",
  "pg_switch_wal",
  "pg_walfile_name",
  "pg_walfile_name_offset",
  "pg_promote",
  "pg_extension_config_dump",
  "pg_nextoid",
  "pg_prewarm",
  "autoprewarm_start_worker",
  "autoprewarm_dump_now",
  "loread",
  "lowrite",
  "lo_close",
  "lo_creat",
  "lo_create",
  "lo_export",
  "lo_from_bytea",
  "lo_get",
  "lo_import",
  "lo_lseek",
  "lo_lseek64",
  "lo_open",
  "lo_put",
  "lo_tell",
  "lo_tell64",
  "lo_truncate",
  "lo_truncate64",
  "lo_unlink",
  "query_to_xml",
  "query_to_xmlschema",
  "query_to_xml_and_xmlschema",
  "cursor_to_xml",
  "cursor_to_xmlschema",
  "pg_stat_force_next_flush",
  "pg_stat_clear_snapshot",
  "pg_stop_making_pinned_objects",
  "gin_clean_pending_list",
  "postgres_fdw_disconnect",
  "postgres_fdw_disconnect_all",
];

const PREFIXES = [
  "pg_advisory",
  "pg_try_advisory",
  "pg_current_wal",
  "pg_backup_",
  "pg_start_backup",
  "pg_stop_backup",
  "pg_create_",
  "pg_drop_",
  "pg_replication_",
  "pg_logical_",
  "pg_copy_",
  "pg_sync_",
  "pg_stat_reset",
  "pg_stat_statements_reset",
  "pg_wal_replay_",
  "pg_import_",
  "pg_restore_",
  "pg_clear_",
  "pg_set_",
  "pg_file_",
  "binary_upgrade_",
  "dblink",
  "brin_summarize",
  "brin_desummarize",
];

/** First letters of all listed names: a fast check that most words of a statement fail. */
const FIRST_LETTERS = new Set([...NAMES, ...PREFIXES].map((name) => name[0]));
const listed = new Set(NAMES);

/** True for a function that must run on the primary. `name` is in lower case. */
export function isKnownVolatile(name: string): boolean {
  if (!FIRST_LETTERS.has(name[0])) return false;
  return listed.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix));
}

const PURE = new Set(
  (
    "count sum avg min max array_agg string_agg json_agg jsonb_agg json_object_agg jsonb_object_agg bool_and bool_or " +
    "every coalesce nullif greatest least lower upper length char_length octet_length trim ltrim rtrim btrim substring " +
    "substr replace concat concat_ws left right lpad rpad split_part strpos position overlay reverse repeat initcap " +
    "format quote_literal quote_ident md5 encode decode regexp_replace regexp_match regexp_matches starts_with " +
    "abs ceil ceiling floor round trunc mod power sqrt exp ln sign random width_bucket " +
    "now clock_timestamp statement_timestamp transaction_timestamp date_trunc date_part extract age make_date " +
    "make_interval make_timestamp make_timestamptz to_char to_date to_timestamp to_number date_bin timezone " +
    "json_build_object jsonb_build_object json_build_array jsonb_build_array to_json to_jsonb row_to_json " +
    "jsonb_array_elements json_array_elements jsonb_array_length jsonb_each jsonb_extract_path_text jsonb_typeof " +
    "jsonb_set jsonb_path_exists array_length array_position array_to_string array_append array_remove cardinality " +
    "string_to_array unnest generate_series generate_subscripts row_number rank dense_rank percent_rank cume_dist " +
    "ntile lag lead first_value last_value nth_value percentile_cont percentile_disc mode grouping stddev variance " +
    "to_tsvector to_tsquery plainto_tsquery websearch_to_tsquery phraseto_tsquery ts_rank ts_rank_cd ts_headline " +
    "similarity word_similarity gen_random_uuid uuidv4 uuidv7 uuid_generate_v4 timeofday current_setting pg_sleep pg_is_in_recovery pg_backend_pid version " +
    // Keywords that may be in front of a parenthesis.
    "select from where on using join lateral in and or not exists any all some as with values table union except " +
    "intersect when then else case is like ilike between by having limit offset distinct filter over partition order " +
    "group within rollup cube sets row array cast interval numeric decimal varchar char character bit timestamp " +
    "timestamptz time float precision materialized recursive only inet_server_port inet_server_addr"
  ).split(" "),
);

/** True for a word that may be in front of a parenthesis in a statement that writes nothing. */
export function isKnownPure(word: string): boolean {
  return PURE.has(word);
}
