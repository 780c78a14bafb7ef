/** Parses the digits from `from` to the next character with the code `stop`. @returns -1 for anything else */
export function digitsUntil(text: string, from: number, stop: number): number {
  let value = 0;
  for (let at = from; ; at++) {
    const code = text.charCodeAt(at);
    if (code === stop) return at === from ? -1 : value;
    // Also false at the end of the string, where the code is NaN.
    if (!(code >= 48 && code <= 57)) return -1;
    value = value * 10 + code - 48;
  }
}
