// `src` and `dist` are siblings, so the same relative URL works in the sources and in the bundle.

/** Folder of the SQL migrations. */
export const migrationFolder: URL = new URL("../src/db/migrations/", import.meta.url);

/** The app without the packages, as it is built. */
export const controlProgram: URL = new URL("../dist/control/main.js", import.meta.url);
