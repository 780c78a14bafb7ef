// `src` and `dist` are neighbours, so that the same relative address holds in the sources and in the bundle.

/** The SQL files that make the tables. */
export const migrationFolder: URL = new URL("../src/db/migrations/", import.meta.url);

/** The live page as the browser gets it. */
export const pageFolder: URL = new URL("../src/live/page/", import.meta.url);
