export { msgpackrCodec, type MsgpackrModule } from "./codec.js";
