/** The name of a contact is a number here, which only grows. */
export const WRITE = "update contacts set name = $2 where id = $1";

/** The server says itself which one it is. */
export const READ = "select name, current_setting('cluster_name') as node from contacts where id = $1";

export interface ReadRow {
  readonly name: string;
  readonly node: string;
}

let last = 0;

/** Higher than any before, so that a read tells what it has missed. */
export const nextVersion = (): number => ++last;
