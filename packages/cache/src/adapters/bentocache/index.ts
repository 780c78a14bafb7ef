export {
  type BentocacheDriver,
  bentocacheDriver,
  type BentocacheDriverOptions,
} from "./driver.js";
