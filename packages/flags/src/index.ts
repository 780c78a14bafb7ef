export {
  bool,
  defineFlags,
  type FlagDefinition,
  type FlagDefinitions,
  type FlagValue,
  int,
  json,
  oneOf,
} from "./define.js";
export type { DegradeOptions } from "./degrade/binding.js";
export { eventLoopUtilization, shareOfEvents, type Signal } from "./degrade/signals.js";
export type {
  AttributeCondition,
  FlagRule,
  FlagSettings,
  Prerequisite,
  RampPoint,
  SubjectList,
  Variant,
} from "./document/settings.js";
export {
  degradeChange,
  documentRefuse,
  fileFail,
  flagChange,
  flagExpose,
  settingsWrite,
  signalFail,
  sourceFail,
} from "./events.js";
export type { ExposureOptions } from "./exposure.js";
export { createFlags, type Flags } from "./flags.js";
export type { FlagsOptions } from "./options.js";
export { planNames } from "./plan-names.js";
export type { ChangeAuthor, ChangeResult } from "./source/edit.js";
export { memorySource } from "./source/memory.js";
export type {
  FlagDocument,
  FlagSource,
  LastKnownGood,
  SourceAnswer,
  SourceWrite,
  StoredDocument,
  WriteAnswer,
} from "./source/types.js";
export type { Explanation, FlagOrigin, FlagReason, FlagStatus, FlagSubject, RuleTrace } from "./types.js";
