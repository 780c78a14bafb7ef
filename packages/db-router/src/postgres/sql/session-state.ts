import { Lexer } from "./lexer.js";

/** A quick test that most statements fail. */
const CANDIDATE =
  /\b(?:set|listen|load|prepare|declare|temp|temporary|set_config|pg_(?:try_)?advisory_lock(?:_shared)?)\b/i;
const ADVISORY_LOCK = /^pg_(?:try_)?advisory_lock(?:_shared)?$/;
/** The third argument decides whether the setting ends with the transaction. */
const LOCAL_SETTING =
  /\bset_config\s*\((?:'(?:[^']|'')*'|[^()'])*,\s*(?:true|'t(?:rue)?')\s*(?:::\s*bool(?:ean)?\s*)?\)/gi;

/**
 * True when a statement leaves something in its session that outlives the transaction, where the next user of the connection
 * would find it: a setting, a prepared statement, a lock, a temporary table, a listener, a cursor. Pure.
 */
export function leavesSessionState(text: string): boolean {
  if (!CANDIDATE.test(text)) return false;
  const lexer = new Lexer(text.replace(LOCAL_SETTING, "local_setting()"));
  let words: string[] = [];
  for (let token = lexer.next(); token !== "end" && token !== "broken"; token = lexer.next()) {
    if (token === "semicolon") words = [];
    if (token !== "word" && token !== "name") continue;
    words.push(lexer.value);
    if (isState(words)) return true;
  }
  return false;
}

/** @param words the words of a statement so far */
function isState(words: readonly string[]): boolean {
  const [verb, second] = words;
  const last = words.at(-1) ?? "";
  if (last === "set_config" || ADVISORY_LOCK.test(last)) return true;
  if (verb === "listen" || verb === "load") return true;
  if (verb === "declare") return last === "hold";
  if (last === "temp" || last === "temporary") return isTemporary(words.slice(0, -1));
  if (words.length !== 2 || second === undefined) return false;
  if (verb === "prepare") return second !== "transaction";
  return verb === "set" && second !== "local" && second !== "transaction" && second !== "constraints";
}

const BEFORE_TEMPORARY = new Set(["create", "or", "replace", "local", "global"]);

/** @param before the words in front of TEMP */
function isTemporary(before: readonly string[]): boolean {
  const [verb] = before;
  if (verb === "create") return before.every((word) => BEFORE_TEMPORARY.has(word));
  return before.at(-1) === "into" && (verb === "select" || verb === "with");
}
