export { degradation, shed, type ShedRouteOptions } from "./fetch.js";
