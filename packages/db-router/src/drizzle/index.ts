export { type DrizzleClients, drizzleClients, type DrizzleOptions, type RoutedDrizzle } from "./clients.js";
