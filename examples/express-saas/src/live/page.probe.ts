/// <reference lib="dom" />
// Functions that tests evaluate inside the page. They must not reference anything outside their own body.

/** Returns the structure that screen readers use. */
export function structure() {
  const all = <E extends Element>(selector: string, root: ParentNode = document): E[] => [
    ...root.querySelectorAll<E>(selector),
  ];
  return {
    headings: all("h1, h2, h3, h4").map(({ tagName }) => tagName),
    tables: all<HTMLTableElement>("table").map((table) => ({
      hasCaption: (table.caption?.textContent ?? "").trim() !== "",
      unscopedHeaders: all("th:not([scope])", table).length,
      rowsWithoutHeader: all("tbody tr", table).filter((row) => row.querySelector("th[scope=row]") === null).length,
    })),
    status: {
      role: document.querySelector("#status")?.getAttribute("role"),
      text: document.querySelector("#status")?.textContent,
    },
    unnamed: all("[aria-labelledby]")
      .map((element) => element.getAttribute("aria-labelledby") ?? "")
      .filter((id) => (document.getElementById(id)?.textContent ?? "").trim() === ""),
  };
}

/** Returns the contrast of texts and shapes with their background, and the minimum required by WCAG 2.2 AA. */
export function contrasts(): { what: string; ratio: number; least: number }[] {
  const channels = (color: string): number[] =>
    /[\d.]+/.exec(color) ? [...color.matchAll(/[\d.]+/g)].map(Number) : [];
  const luminance = (color: string): number => {
    const [red = 0, green = 0, blue = 0] = channels(color)
      .slice(0, 3)
      .map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ratioOf = (one: string, other: string): number => {
    const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const groundOf = (element: Element | null): string => {
    if (element === null) return "rgb(255, 255, 255)";
    const { backgroundColor } = getComputedStyle(element);
    return channels(backgroundColor)[3] === 0 ? groundOf(element.parentElement) : backgroundColor;
  };
  const probe = (selector: string, property: "color" | "fill" | "stroke", least: number) => {
    const element = document.querySelector(selector);
    if (element === null) throw new Error(`the page has no ${selector}`);
    return { what: selector, ratio: ratioOf(getComputedStyle(element)[property], groundOf(element)), least };
  };
  const read = [
    "h1",
    "h2",
    ".about",
    "#status",
    "button",
    "dt",
    "dd",
    ".note",
    "figcaption",
    ".key",
    "summary",
    "caption",
  ];
  return [
    ...[...read, "thead th", "tbody th", "td"].map((selector) => probe(selector, "color", 4.5)),
    probe(".chart text", "fill", 4.5),
    ...["rect.admitted", ".stripe"].map((selector) => probe(selector, "fill", 3)),
    ...[".chart .p50", ".chart .p95", ".chart .p99"].map((selector) => probe(selector, "stroke", 3)),
  ];
}
