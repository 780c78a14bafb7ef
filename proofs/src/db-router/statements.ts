/** The name of a contact holds a number that only grows. */
export const WRITE = "update contacts set name = $2 where id = $1";

/** The result includes the name of the server. */
export const READ = "select name, current_setting('cluster_name') as node from contacts where id = $1";

export interface ReadRow {
  readonly name: string;
  readonly node: string;
}

let last = 0;

/** Higher than any before, so that a read of a lower one is stale. */
export const nextVersion = (): number => ++last;
