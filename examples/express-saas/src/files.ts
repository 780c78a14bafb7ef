// `src` and `dist` are siblings, so the same relative URL works in the sources and in the bundle.

/** Folder of the SQL migrations. */
export const migrationFolder: URL = new URL("../src/db/migrations/", import.meta.url);

/** Folder of the live page, served as it is. */
export const pageFolder: URL = new URL("../src/live/page/", import.meta.url);
