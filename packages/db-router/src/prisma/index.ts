export { type PrismaClients, prismaClients } from "./clients.js";
export { type PrismaOperation, type RouterExtension, withRouter, type WithRouterOptions } from "./extension.js";
