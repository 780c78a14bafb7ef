import {
  ErrorCode,
  type EvaluationContext,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderEvents,
  type ResolutionDetails,
  StandardResolutionReasons,
} from "@openfeature/server-sdk";
import { tenancy } from "@scale/core";
import type { FlagDefinitions } from "../define.js";
import type { Flags } from "../flags.js";
import type { Explanation, FlagReason, FlagSubject } from "../types.js";

export interface OpenFeatureProviderOptions {
  /**
   * Function that maps an evaluation context to a subject.
   * @default `tenantId`, `userId` (or `targetingKey`) and `plan` of the context, its other strings, numbers and booleans as
   * attributes, and the tenant and user of `tenancy` for what the context lacks
   */
  readonly subject?: (context: EvaluationContext) => FlagSubject;
}

/** Serves flags through the OpenFeature server SDK. An evaluation through the SDK costs many times one by `flags.get`. */
export function openFeatureProvider<D extends FlagDefinitions>(
  flags: Flags<D>,
  { subject = subjectOf }: OpenFeatureProviderOptions = {},
): Provider {
  const events = new OpenFeatureEventEmitter();
  let stop: (() => void) | undefined;

  async function resolve<T>(key: string, fallback: T, context: EvaluationContext): Promise<ResolutionDetails<T>> {
    if (!Object.hasOwn(flags.definitions, key)) {
      const errorMessage = `flag ${key} is not defined`;
      return {
        value: fallback,
        reason: StandardResolutionReasons.ERROR,
        errorCode: ErrorCode.FLAG_NOT_FOUND,
        errorMessage,
      };
    }
    const subjectNow = subject(context);
    const explanation: Explanation = flags.explain(key, subjectNow);
    // The value through `get`, which publishes exposures.
    const value: unknown = flags.get(key, subjectNow);
    if (!isTypeOf(value, fallback)) {
      const errorMessage = `flag ${key}: expected ${typeof fallback}, got ${typeof value}`;
      return {
        value: fallback,
        reason: StandardResolutionReasons.ERROR,
        errorCode: ErrorCode.TYPE_MISMATCH,
        errorMessage,
      };
    }
    return detailsOf(value, explanation);
  }

  return {
    metadata: { name: "@scale/flags" },
    runsOn: "server",
    events,
    async initialize() {
      stop = flags.onChange(() =>
        events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: Object.keys(flags.definitions) }),
      );
      await flags.ready();
    },
    // The flags themselves are the application's to close.
    async onClose() {
      stop?.();
    },
    resolveBooleanEvaluation: resolve,
    resolveStringEvaluation: resolve,
    resolveNumberEvaluation: resolve,
    resolveObjectEvaluation: resolve,
  };
}

const isTypeOf = <T>(value: unknown, fallback: T): value is T =>
  typeof value === typeof fallback && (value === null) === (fallback === null);

function detailsOf<T>(value: T, { reason, rule, variant, source }: Explanation): ResolutionDetails<T> {
  const { from, version, ageMs, isStale } = source;
  return {
    value,
    reason: REASONS[reason],
    ...(variant !== undefined && { variant }),
    flagMetadata: {
      ...{ scaleReason: reason, from, version, isStale },
      ...(rule !== undefined && { rule }),
      ...(ageMs !== undefined && { ageMs }),
    },
  };
}

const { DEFAULT, DISABLED, SPLIT, STALE, TARGETING_MATCH } = StandardResolutionReasons;

/** Our reasons in the words of OpenFeature; `flagMetadata.scaleReason` has the exact one. */
const REASONS: Readonly<Record<FlagReason, string>> = {
  KILLED: DISABLED,
  DEGRADED: DISABLED,
  PREREQUISITE: DISABLED,
  OVERRIDE: TARGETING_MATCH,
  DENIED: TARGETING_MATCH,
  ALLOWED: TARGETING_MATCH,
  TARGET: TARGETING_MATCH,
  SPLIT,
  STALE,
  NO_KEY: DEFAULT,
  DEFAULT,
};

function subjectOf(context: EvaluationContext): FlagSubject {
  const current = tenancy.current();
  const { targetingKey, tenantId, userId, plan, ...rest } = context;
  const attributes = Object.fromEntries(Object.entries(rest).filter(isAttribute));
  return {
    tenantId: textOf(tenantId) ?? current?.tenantId,
    userId: textOf(userId) ?? targetingKey ?? current?.userId,
    plan: textOf(plan),
    attributes,
  };
}

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

const isAttribute = (entry: [string, unknown]): entry is [string, string | number | boolean] =>
  ["string", "number", "boolean"].includes(typeof entry[1]);
