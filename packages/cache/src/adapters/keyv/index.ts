export { type KeyvStore, keyvStore, type KeyvStoreOptions } from "./store.js";
