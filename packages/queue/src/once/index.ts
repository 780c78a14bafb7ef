export { createOnce, type OnceLedger, type OnceOptions, type OnceResult } from "./once.js";
export { onceTables, type OnceTableOptions } from "./table.js";
