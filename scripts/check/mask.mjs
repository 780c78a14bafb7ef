// Blanks out what is not code in TypeScript and JavaScript, so that a pattern finds uses and not mentions.
const comment = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y;
const string = /"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'/y;
const regex = /\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y;
const templateText = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*/y;
/** A slash after one of these starts a regular expression; after anything else it divides. */
const beforeRegex = /(?:^|[=([{,;:!&|?+\-*%<>~^]|=>|\b(?:return|typeof|case|in|of|throw|await))\s*$/;

const blank = (text) => text.replace(/[^\n]/g, " ");
const match = (pattern, source, at) => {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
};

/**
 * The source with comments as spaces, and text in quotes too unless `strings` is "kept". Lines and columns stay.
 * @param {{ strings?: "kept" | "blank" }} [options]
 */
export function mask(source, { strings = "blank" } = {}) {
  const cover = strings === "kept" ? (text) => text : (text) => text[0] + blank(text.slice(1, -1)) + text.at(-1);
  const depths = []; // One entry per template literal we are inside a ${} of: how many braces are open in it.
  let out = "";
  const template = () => {
    const text = match(templateText, source, out.length);
    out += strings === "kept" ? text : blank(text);
    const closes = source[out.length] !== "$";
    out += source.slice(out.length, out.length + (closes ? 1 : 2));
    if (!closes) depths.push(0);
  };
  const brace = (char) => {
    if (char === "{") depths.push(depths.pop() + 1);
    if (char !== "}") return;
    const depth = depths.pop();
    if (depth === 0) template();
    else depths.push(depth - 1);
  };
  while (out.length < source.length) {
    const at = out.length;
    const quoted = match(string, source, at);
    const remark = match(comment, source, at);
    const pattern = source[at] === "/" && beforeRegex.test(out.slice(-40)) ? match(regex, source, at) : undefined;
    if (remark) out += blank(remark);
    else if (quoted ?? pattern) out += cover(quoted ?? pattern);
    else {
      const char = source[at];
      out += char;
      if (char === "`") template();
      else if (depths.length > 0) brace(char);
    }
  }
  return out;
}
