import { memoryStore } from "./store.js";
import { describeRateLimitStore } from "../testing/index.js";

describeRateLimitStore("memory", (clock) => memoryStore({ clock }));
