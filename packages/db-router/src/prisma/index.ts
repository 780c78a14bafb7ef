export { type PrismaClients, prismaClients, type RoutedPrisma } from "./clients.js";
export {
  type PrismaOperation,
  type PrismaRouting,
  type RouterExtension,
  withRouter,
  type WithRouterOptions,
} from "./extension.js";
