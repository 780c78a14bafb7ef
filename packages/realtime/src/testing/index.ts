export { describeHubStore, type HubStoreFixture } from "./store-contract.js";
