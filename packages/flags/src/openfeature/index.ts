export { openFeatureProvider, type OpenFeatureProviderOptions } from "./provider.js";
