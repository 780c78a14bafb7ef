export {
  type BentocacheDriver,
  bentocacheDriver,
  type BentocacheDriverOptions,
  type BentocacheDriverResult,
} from "./driver.js";
