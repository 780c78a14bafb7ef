import type { Principal } from "../types.js";
import type { StandardSchema } from "./standard-schema.js";

/** Every name that a pattern matches: `orders.${string}` for `orders.{orderId}`. */
export type TopicName<Pattern extends string> = Pattern extends `${infer Head}{${string}}${infer Tail}`
  ? `${Head}${string}${TopicName<Tail>}`
  : Pattern;

/** Names of the parameters of a pattern: `orderId` for `orders.{orderId}`. */
type ParamName<Pattern extends string> = Pattern extends `${string}{${infer Name}}${infer Tail}`
  ? Name | ParamName<Tail>
  : never;

/** Parameters of a pattern: `{ orderId: string }` for `orders.{orderId}`. */
export type TopicParams<Pattern extends string> = { readonly [Name in ParamName<Pattern>]: string };

/** Data of the topics that a name belongs to. */
export type TopicData<Data, Name extends string> = {
  [Pattern in keyof Data & string]: Name extends TopicName<Pattern> ? Data[Pattern] : never;
}[keyof Data & string];

/** A kind of topic. Its pattern is a name with parameters: `orders.{orderId}`. */
export interface Topic<Data, Pattern extends string = string, P extends Principal = Principal> {
  /** Schema that published data is checked with. Without a schema every JSON value is accepted. */
  readonly schema?: StandardSchema<Data>;
  /**
   * Predicate for principals that may receive the topic. Runs in the context of the principal's tenant when a client
   * connects, before anything is replayed, and again every `limits.recheck`.
   */
  readonly authorize: (principal: P, params: TopicParams<Pattern>) => boolean | Promise<boolean>;
  /**
   * Function that returns the key of an event. For a client that reads too slowly, with `whenSlow: "coalesce"`, only the
   * newest event of each key is kept.
   * @default one key for the topic
   */
  readonly coalesce?: (data: Data) => string;
  /**
   * Whether connections are counted over all processes: see `hub.presence`.
   * @default false
   */
  readonly presence?: boolean;
}

export type Topics<Data, P extends Principal> = {
  readonly [Pattern in keyof Data & string]: Topic<Data[Pattern], Pattern, P>;
};
