export { shed, type ShedRouteOptions } from "./fetch.js";
