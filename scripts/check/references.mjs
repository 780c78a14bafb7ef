// Every published package is linked from the pages a reader starts at; every error code and event has a row on its reference page.
import { readFileSync } from "node:fs";
import { files, packages, report, textOf } from "../workspace.mjs";
import { readSource } from "./source.mjs";

const starts = ["README.md", "docs/index.md", "ARCHITECTURE.md"];
const tables = [
  { page: "docs/reference/errors.md", name: /^SCALE_[A-Z_]+$/ },
  {
    page: "docs/reference/events.md",
    name: new RegExp(
      `^scale:(?:${packages()
        .map(({ name }) => name)
        .join("|")}):[\\w-]+$`,
    ),
  },
];
const published = packages().filter(({ manifest }) => !manifest.private);

/** `[@scale/cache](…)`, or the name in backticks inside of the link. */
const links = (page, name) => new RegExp(`\\[\`?(?:@scale/)?${name}\`?\\]\\(`).test(page);

const unlinked = starts.flatMap((path) =>
  published
    .filter(({ name }) => !links(textOf(path), name))
    .map(({ name }) => `${path}:1 references does not link @scale/${name}`),
);

const sources = published
  .flatMap(({ folder }) => files(`${folder}/src`))
  .filter((path) => path.endsWith(".ts") && !/\.test\.ts$|\/testing[./]/.test(path));
/** Every string of the sources, with the first file that has it. */
const used = new Map(
  sources
    .toReversed()
    .flatMap((path) => readSource(path, readFileSync(path, "utf8")).strings.map(({ text }) => [text, path])),
);

const missing = tables.flatMap(({ page, name }) => {
  const text = textOf(page);
  const known = [...used].filter(([value]) => name.test(value));
  const named = new Set([...text.matchAll(/^\|\s*`([^`]+)`/gm)].map(([, value]) => value));
  return [
    ...known
      .filter(([value]) => !named.has(value))
      .map(([value, path]) => `${path}:1 references ${value} has no row in ${page}`),
    ...[...named]
      .filter((value) => name.test(value) && !used.has(value))
      .map((value) => `${page}:1 references ${value} is published by no package`),
  ];
});
report([...unlinked, ...missing], `references: ${published.length} packages, ${used.size} strings`);
