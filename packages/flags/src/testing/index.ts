export { describeFlagSource } from "./source.js";
