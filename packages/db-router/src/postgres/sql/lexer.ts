/**
 * "word": unquoted, in lower case. "name": quoted, as written. "value": a literal, a parameter, or a piece of an operator.
 * "broken": the rest cannot be told apart for certain.
 */
export type TokenKind = "word" | "name" | "open" | "close" | "semicolon" | "value" | "end" | "broken";

const WORD = /[a-z_\u0080-\uffff][\w$\u0080-\uffff]*/iy;
const DOLLAR_TAG = /\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/iy;
const BLANKS = /[ \t\n\r\f\v]*(?:--[^\n\r]*[ \t\n\r\f\v]*)*/y;
/** Digits, and what operators are made of, but for where a comment may begin. */
const PLAIN = /[\d.,=<>+*!@#%^&|~?:[\]{}\\`]+/y;

/**
 * Reads PostgreSQL's lexical structure as far as it hides words: comments, strings of every kind, quoted names.
 * Takes `standard_conforming_strings` to be on, as it is unless somebody has turned it off.
 * Source: PostgreSQL documentation, 4.1 "Lexical Structure"; `scan.l`.
 */
export class Lexer {
  #at = 0;
  readonly #text: string;
  /** Of the last word or name. */
  value = "";

  constructor(text: string) {
    this.#text = text;
  }

  next(): TokenKind {
    if (!this.#skipBlanks()) return "broken";
    const char = this.#text[this.#at];
    if (char === undefined) return "end";
    if (char === "'") return this.#string(false);
    if (char === '"') return this.#name();
    if (char === "$") return this.#dollar();
    const word = this.#match(WORD);
    if (word !== undefined) return this.#word(word);
    if (this.#match(PLAIN) !== undefined) return "value";
    this.#at += 1;
    if (char === "(") return "open";
    if (char === ")") return "close";
    return char === ";" ? "semicolon" : "value";
  }

  /** A prefix of a string is no word of its own. */
  #word(word: string): TokenKind {
    const quote = this.#text[this.#at];
    if (quote === "'" && word.length === 1) {
      // E'…' has escapes. B, N and X change what the string means, not where it ends.
      if (/e/i.test(word)) return this.#string(true);
      if (/[bnx]/i.test(word)) return this.#string(false);
    }
    // U&"…" may spell any name in escapes.
    if (/^u$/i.test(word) && quote === "&" && this.#text[this.#at + 1] === '"') return "broken";
    this.value = word.toLowerCase();
    return "word";
  }

  #string(escapes: boolean): TokenKind {
    const end = escapes ? this.#closingEscaped() : this.#closing("'");
    if (end < 0) return "broken";
    this.#at = end + 1;
    return escapes ? this.#unlessContinued() : "value";
  }

  #closingEscaped(): number {
    const text = this.#text;
    for (let at = this.#at + 1; at < text.length; at++) {
      if (text[at] === "\\") at += 1;
      else if (text[at] === "'") {
        if (text[at + 1] !== "'") return at;
        at += 1;
      }
    }
    return -1;
  }

  /** A string after a line break goes on with the one before, escapes and all. */
  #unlessContinued(): TokenKind {
    const end = this.#at;
    const goesOn = !this.#skipBlanks() || this.#text[this.#at] === "'";
    this.#at = end;
    return goesOn ? "broken" : "value";
  }

  #name(): TokenKind {
    const end = this.#closing('"');
    if (end < 0) return "broken";
    this.value = this.#text.slice(this.#at + 1, end).replaceAll('""', '"');
    this.#at = end + 1;
    return "name";
  }

  /** Where a quote ends: two of them are one that is meant. */
  #closing(quote: string): number {
    const text = this.#text;
    let at = text.indexOf(quote, this.#at + 1);
    while (at >= 0 && text[at + 1] === quote) at = text.indexOf(quote, at + 2);
    return at;
  }

  #dollar(): TokenKind {
    const tag = this.#match(DOLLAR_TAG);
    if (tag === undefined) {
      this.#at += 1; // A parameter; its digits say nothing.
      return "value";
    }
    const end = this.#text.indexOf(tag, this.#at);
    if (end < 0) return "broken";
    this.#at = end + tag.length;
    return "value";
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  /** @returns false for a comment without an end */
  #skipBlanks(): boolean {
    for (;;) {
      BLANKS.lastIndex = this.#at;
      BLANKS.test(this.#text);
      this.#at = BLANKS.lastIndex;
      if (!this.#text.startsWith("/*", this.#at)) return true;
      if (!this.#skipComment()) return false;
    }
  }

  /** Comments nest. */
  #skipComment(): boolean {
    const mark = /\/\*|\*\//g;
    mark.lastIndex = this.#at;
    for (let depth = 0; ; ) {
      const found = mark.exec(this.#text);
      if (found === null) return false;
      depth += found[0] === "/*" ? 1 : -1;
      if (depth > 0) continue;
      this.#at = mark.lastIndex;
      return true;
    }
  }
}
