export { type DrizzleClient, drizzlePage, type DrizzleSource } from "./page.js";
export { type DrizzleParts, drizzleParts } from "./parts.js";
