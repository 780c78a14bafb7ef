export { lastKnownGoodFile, type LastKnownGoodFileOptions } from "./last-known-good.js";
