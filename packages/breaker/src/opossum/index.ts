export { opossumEngine } from "./engine.js";
