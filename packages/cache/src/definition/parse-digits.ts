/** Parses the digits from `from` to the next character with the code `stop`. @returns -1 for anything else */
export const digitsUntil: (text: string, from: number, stop: number) => number = parser(String.prototype.charCodeAt);

/**
 * `text.charCodeAt` is not inlined on Node 20 as soon as any module of the process has a class that extends String, as
 * ioredis 6 does. A parameter that is never assigned is a constant to the engine.
 */
function parser(charCodeAt: (this: string, index: number) => number): typeof digitsUntil {
  return (text, from, stop) => {
    let value = 0;
    for (let at = from; ; at++) {
      const code = charCodeAt.call(text, at);
      if (code === stop) return at === from ? -1 : value;
      // Also false at the end of the string, where the code is NaN.
      if (!(code >= 48 && code <= 57)) return -1;
      value = value * 10 + code - 48;
    }
  };
}
