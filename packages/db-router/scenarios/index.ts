/** Scenarios that the tests of this package share with the proofs and benchmarks. Private: not built and not published. */
export { type ContactsClient, prismaFor } from "./prisma-client.js";
