export { type CreateStores, describeCacheStore } from "./store.js";
