import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { TopicName, TopicParams } from "./types.js";

/** Parameters of a name that matches, or `undefined`. */
export type MatchTopic = (name: string) => Readonly<Record<string, string>> | undefined;

const PARAM = /\{(\w+)\}/g;
const MAX_PARAMS = 8;

/**
 * Compiles a pattern such as `orders.{orderId}`. A parameter matches one or more characters other than `.`.
 * @throws {ConfigError} for a pattern that would match names in more than one way
 */
export function compilePattern(pattern: string): MatchTopic {
  const names = [...pattern.matchAll(PARAM)].map(([, name = ""]) => name);
  const literals = pattern.split(/\{\w+\}/);
  const fail = (expected: string): ConfigError =>
    new ConfigError(`createHub: topics: expected ${expected}, got ${describeValue(pattern)}`);
  if (literals.some((literal) => /[{}]/.test(literal)) || pattern === "")
    throw fail('a name with parameters such as "orders.{orderId}"');
  if (new Set(names).size < names.length || names.length > MAX_PARAMS)
    throw fail(`at most ${MAX_PARAMS} parameters with different names`);
  // `{a}{b}`, and `{a}x{b}`, match some names in several ways. A dot ends a parameter, so that it separates two.
  if (literals.slice(1, -1).some((literal) => !literal.includes("."))) throw fail('a "." between two parameters');
  if (names.length === 0) return (name) => (name === pattern ? {} : undefined);
  const source = literals.map((literal) => literal.replaceAll(/[$()*+.?[\\\]^|/-]/g, String.raw`\$&`)).join("([^.]+)");
  const regex = new RegExp(`^${source}$`);
  return (name) => {
    const match = regex.exec(name);
    if (match === null) return undefined;
    return Object.fromEntries(names.map((key, i) => [key, decodeParam(match[i + 1] ?? "")]));
  };
}

/**
 * Fills a pattern with parameters of any characters: `topicName("orders.{orderId}", { orderId: "7" })`.
 * `authorize` gets the same parameters back.
 */
export function topicName<Pattern extends string>(pattern: Pattern, params: TopicParams<Pattern>): TopicName<Pattern> {
  const values: Readonly<Record<string, string>> = params;
  const name = pattern.replaceAll(PARAM, (_, key: string) => {
    const value = Object.hasOwn(values, key) ? values[key] : undefined;
    if (typeof value === "string" && value !== "") return encodeParam(value);
    throw new ConfigError(`topicName: ${key}: expected a string that is not empty, got ${describeValue(value)}`);
  });
  // The compiler does not follow `replaceAll`: every parameter of the pattern was filled.
  return name as TopicName<Pattern>;
}

// Only these two: a name stays readable, and `.` separates parameters.
const encodeParam = (value: string): string => value.replaceAll("%", "%25").replaceAll(".", "%2E");
const decodeParam = (value: string): string => value.replaceAll("%2E", ".").replaceAll("%25", "%");
