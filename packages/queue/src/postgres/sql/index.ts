import { identifier } from "../../sql/names.js";
import { LINE_FUNCTIONS } from "./line.js";
import { PRODUCE_FUNCTIONS } from "./produce.js";
import { READ_FUNCTIONS } from "./read.js";
import { TABLES } from "./tables.js";
import { WORK_FUNCTIONS } from "./work.js";

export interface QueueSchemaOptions {
  /**
   * Schema of the tables and functions. It must exist.
   * @default the first schema of the connection's search_path
   */
  readonly schema?: string;
}

/** A name in braces, or the same as a string literal. */
const NAME = /\{('?)(scale_queue\w*)\1\}/g;

/**
 * @returns SQL that creates the tables and functions of the store, for the application's migrations. It can run more than
 * once; run it again after each update of the package, before the new version starts
 */
export function queueTables(options: QueueSchemaOptions = {}): string {
  const at = inSchema(options);
  const sql = [TABLES, LINE_FUNCTIONS, WORK_FUNCTIONS, PRODUCE_FUNCTIONS, READ_FUNCTIONS].join("");
  return sql.replaceAll(NAME, (_match, quote: string, name: string) =>
    quote === "" ? at(name) : `'${at(name).replaceAll("'", "''")}'`,
  );
}

/** Puts a name of the store into its schema. */
export function inSchema({ schema }: QueueSchemaOptions): (name: string) => string {
  const prefix = schema === undefined ? "" : `${identifier(schema)}.`;
  return (name) => `${prefix}${name}`;
}
