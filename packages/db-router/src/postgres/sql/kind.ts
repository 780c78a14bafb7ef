import { isKnownPure, isKnownVolatile } from "./functions.js";
import { Lexer, type TokenKind } from "./lexer.js";

/**
 * "read": a standby can run it. "call": a standby can probably run it, but it calls unknown functions. "session": needs
 * the primary or one connection, and writes nothing. "write": everything else, and every doubtful case.
 */
export type StatementKind = "read" | "call" | "session" | "write";

const QUERIES = new Set(["select", "values", "table", "with"]);
const SESSION = new Set([
  "begin",
  "start",
  "commit",
  "end",
  "rollback",
  "abort",
  "savepoint",
  "release",
  "set",
  "reset",
  "show",
  "listen",
  "unlisten",
  "discard",
  "deallocate",
  "declare",
  "fetch",
  "move",
  "close",
  "lock",
  "checkpoint",
  "load",
]);
/** Some are common column names too; such a statement goes to the primary without need. */
const CHANGES = new Set(["insert", "update", "delete", "merge", "into"]);
const LOCKS = new Set(["update", "share", "no", "key"]);
/** Words that a name with columns follows: `WITH w (a) AS`, `unnest(x) AS u (a)`. It is no call. */
const NAMING = new Set(["as", "with", "recursive"]);

/** Classifies a statement by its text. Pure. */
export function kindOf(text: string, isVolatile: typeof isKnownVolatile = isKnownVolatile): StatementKind {
  const lexer = new Lexer(text);
  let token = lexer.next();
  while (token === "semicolon") token = lexer.next();
  if (token === "end") return "session"; // Nothing but comments.
  return statement(lexer, skipOpen(lexer, token), isVolatile);
}

function statement(lexer: Lexer, first: TokenKind, isVolatile: typeof isKnownVolatile): StatementKind {
  if (first !== "word") return "write";
  const verb = lexer.value;
  if (QUERIES.has(verb)) return query(lexer, isVolatile, verb);
  if (verb === "explain") return explained(lexer, isVolatile);
  // FETCH runs the query of the cursor without naming it, so DECLARE decides.
  if (verb === "declare") return query(lexer, isVolatile) === "read" ? "session" : "write";
  if (verb === "commit" || verb === "rollback") return transactionEnd(lexer);
  return SESSION.has(verb) && isLast(lexer) ? "session" : "write";
}

function query(lexer: Lexer, isVolatile: typeof isKnownVolatile, verb = ""): StatementKind {
  let kind: StatementKind = "read";
  // The two previous words or quoted names: a parenthesis after one makes it a function, FOR before UPDATE makes a lock.
  let before = verb;
  let beforeThat = "";
  for (let token = lexer.next(); token !== "end"; token = lexer.next()) {
    if (token === "broken") return "write";
    if (token === "semicolon") return isLast(lexer, token) ? kind : "write";
    if (token === "open" && before !== "" && !isKnownPure(before) && !NAMING.has(beforeThat)) kind = "call";
    const name = token === "word" || token === "name" ? lexer.value : "";
    if (name !== "" && isVolatile(name)) return "write";
    if (token === "word" && isChange(name, before)) return "write";
    beforeThat = before;
    before = name;
  }
  return kind;
}

/**
 * Names in front of a parenthesis that may be functions, without those that are known to write nothing and those of
 * aliases with columns. Unquoted names are in lower case.
 */
export function callsOf(text: string): ReadonlySet<string> {
  const calls = new Set<string>();
  const lexer = new Lexer(text);
  let before = "";
  let beforeThat = "";
  for (let token = lexer.next(); token !== "end" && token !== "broken"; token = lexer.next()) {
    if (token === "open" && before !== "" && !isKnownPure(before) && !NAMING.has(beforeThat)) calls.add(before);
    beforeThat = before;
    before = token === "word" || token === "name" ? lexer.value : "";
  }
  return calls;
}

/** A change in a WITH, SELECT … INTO, or a lock: FOR UPDATE, FOR NO KEY UPDATE, FOR SHARE, FOR KEY SHARE. */
function isChange(word: string, before: string): boolean {
  return CHANGES.has(word) || (before === "for" && LOCKS.has(word));
}

/** COMMIT PREPARED publishes the writes of another transaction. */
function transactionEnd(lexer: Lexer): StatementKind {
  const token = lexer.next();
  const isPrepared = token === "word" && lexer.value === "prepared";
  return !isPrepared && isLast(lexer, token) ? "session" : "write";
}

/** EXPLAIN plans its statement on the server it runs on; with ANALYZE it executes it. */
function explained(lexer: Lexer, isVolatile: typeof isKnownVolatile): StatementKind {
  const { analyze, verb } = explainOptions(lexer);
  if (QUERIES.has(verb)) return query(lexer, isVolatile, verb);
  return !analyze && CHANGES.has(verb) && isLast(lexer) ? "session" : "write";
}

/** Reads up to the verb of the explained statement; "" without one. Options may be in parentheses. */
function explainOptions(lexer: Lexer): { analyze: boolean; verb: string } {
  let analyze = false;
  let depth = 0;
  for (let token = lexer.next(); token !== "end" && token !== "broken"; token = lexer.next()) {
    if (token === "open") depth += 1;
    if (token === "close") depth -= 1;
    if (token !== "word" && token !== "name") continue;
    const { value } = lexer;
    if (value === "analyze" || value === "analyse") analyze = true;
    else if (QUERIES.has(value) || (depth === 0 && value !== "verbose")) return { analyze, verb: value };
  }
  return { analyze, verb: "" };
}

function skipOpen(lexer: Lexer, first: TokenKind): TokenKind {
  let token = first;
  while (token === "open") token = lexer.next();
  return token;
}

/** True when nothing but semicolons follows the statement. */
function isLast(lexer: Lexer, from?: TokenKind): boolean {
  let token = from ?? lexer.next();
  while (token !== "semicolon" && token !== "end" && token !== "broken") token = lexer.next();
  while (token === "semicolon") token = lexer.next();
  return token === "end";
}
