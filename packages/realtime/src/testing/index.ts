export type { HubStoreFixture } from "./fixture.js";
export { describeHubStore } from "./store-contract.js";
