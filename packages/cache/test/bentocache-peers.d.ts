// Stubs for client packages that the types of bentocache refer to, and that are not installed here.
interface OfAnotherClient {
  readonly [name: string]: unknown;
}
declare module "@aws-sdk/client-dynamodb" {
  export type DynamoDBClientConfig = OfAnotherClient;
}
declare module "knex" {
  export type Knex = OfAnotherClient;
}
declare module "mqtt" {
  export type IClientOptions = OfAnotherClient;
}
declare module "orchid-orm" {
  export type DbResult<_T> = OfAnotherClient;
  export type DefaultColumnTypes<_T> = OfAnotherClient;
  export type DefaultSchemaConfig = OfAnotherClient;
}
