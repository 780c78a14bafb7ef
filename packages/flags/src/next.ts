export { type FlagRouteOptions, requireFlag } from "./fetch.js";
