import { describeBreaker } from "../testing/index.js";
import { ownEngine } from "./circuit.js";

describeBreaker("own", ownEngine);
