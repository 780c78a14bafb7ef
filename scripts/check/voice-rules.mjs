// Voice rules 1, 2, 3 and 11: the subject of a sentence is a noun of the code. `unless` allows a sentence that a pattern would refuse.
const stand = "whoever|whomever|nobody|somebody|anybody|everybody|who|whom";

export const voiceRules = [
  {
    rule: "voice-who",
    pattern: new RegExp(`(?<![\\w-])(?:${stand})(?![\\w-])`, "i"),
    message: "name the actor: caller, request, session, replica",
  },
  {
    rule: "voice-text",
    pattern: /\b(?:a|one|the same|another) text\b(?! (?:file|input|search|editor))|\bwhole numbers?\b/i,
    message: "say string, integer >= 1",
  },
  {
    rule: "voice-behind",
    pattern: /\bbehind\b(?![^.]{0,40}\b(?:prox(?:y|ies)|load balancers?|primary|NAT|CDN|PgBouncer|interfaces?)\b)/i,
    unless: /\b(?:lag\w*|replicas?|standby|bytes|replay\w*)\b/i,
    message: "say after, lower than, stale by; behind is for replica lag",
  },
  {
    rule: "voice-what",
    pattern: /(?:^|[.;:(]\s+)What(?!ever)\b(?=[^?]*(?:[.;:]|$))(?![^.]*\?)/,
    message: "the subject is a noun of the code, not a what-clause",
  },
  {
    rule: "voice-of",
    pattern: /(?:^|[.;:]\s+)Of (?:a|an|the|what|all|two|several|those|one|many|its|each|every)\b/,
    message: "start with the noun, not with Of",
  },
];

/** @returns {{ rule: string, message: string }[]} the rules that a sentence breaks */
export const brokenRules = (sentence) =>
  voiceRules.filter(({ pattern, unless }) => pattern.test(sentence) && !unless?.test(sentence));
