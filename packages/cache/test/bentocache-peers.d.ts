// What the types of bentocache name of clients that are not installed: nobody needs them who uses another one.
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
