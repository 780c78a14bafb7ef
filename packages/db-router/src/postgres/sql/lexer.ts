/**
 * "word": unquoted, in lower case. "name": quoted, as written. "value": a literal, a parameter, or a piece of an operator.
 * "broken": the rest cannot be tokenized with certainty.
 */
export type TokenKind = "word" | "name" | "open" | "close" | "semicolon" | "value" | "end" | "broken";

const WORD = /[a-z_\u0080-\uffff][\w$\u0080-\uffff]*/iy;
const DOLLAR_TAG = /\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/iy;
const BLANKS = /[ \t\n\r\f\v]*(?:--[^\n\r]*[ \t\n\r\f\v]*)*/y;
/** Digits and operator characters, except those that may begin a comment. */
const PLAIN = /[\d.,=<>+*!@#%^&|~?:[\]{}\\`]+/y;

/**
 * Methods of strings are not inlined, and take two to five times as long, as soon as any module of the process has a class
 * that extends String, as ioredis 6 has on Node 20. A parameter that is never assigned is a constant to the engine.
 */
function lowerCaseWith(toLowerCase: (this: string) => string): (word: string) => string {
  return (word) => toLowerCase.call(word);
}

const lowerCase = lowerCaseWith(String.prototype.toLowerCase);

/**
 * Tokenizes PostgreSQL's lexical structure as far as it can hide words: comments, all kinds of strings, quoted names.
 * Assumes `standard_conforming_strings = on`, PostgreSQL's default.
 * Source: PostgreSQL documentation, 4.1 "Lexical Structure"; `scan.l`.
 */
export class Lexer {
  #at = 0;
  readonly #text: string;
  /** Value of the last word or name. */
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

  /** A string prefix is not a word. */
  #word(word: string): TokenKind {
    const quote = this.#text[this.#at];
    if (quote === "'" && word.length === 1) {
      // E'…' has escapes. B, N and X change what the string means, not where it ends.
      if (/e/i.test(word)) return this.#string(true);
      if (/[bnx]/i.test(word)) return this.#string(false);
    }
    // U&"…" may spell any name in escapes.
    if (quote === "&" && /^u$/i.test(word) && this.#text[this.#at + 1] === '"') return "broken";
    this.value = lowerCase(word);
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

  /** A string after a line break continues the previous one, with its escapes. */
  #unlessContinued(): TokenKind {
    const end = this.#at;
    const continues = !this.#skipBlanks() || this.#text[this.#at] === "'";
    this.#at = end;
    return continues ? "broken" : "value";
  }

  #name(): TokenKind {
    const end = this.#closing('"');
    if (end < 0) return "broken";
    this.value = this.#text.slice(this.#at + 1, end).replaceAll('""', '"');
    this.#at = end + 1;
    return "name";
  }

  /** Position of the closing quote; a doubled quote is part of the value. */
  #closing(quote: string): number {
    const text = this.#text;
    let at = text.indexOf(quote, this.#at + 1);
    while (at >= 0 && text[at + 1] === quote) at = text.indexOf(quote, at + 2);
    return at;
  }

  #dollar(): TokenKind {
    const tag = this.#match(DOLLAR_TAG);
    if (tag === undefined) {
      this.#at += 1; // A parameter; its digits are the next token.
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
      if (this.#text[this.#at] !== "/" || this.#text[this.#at + 1] !== "*") return true;
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
