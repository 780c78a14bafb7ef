// Holds comments, messages, test names and pages to the voice rules. `node scripts/check/voice.mjs [path prefix...]`.
import { readFileSync } from "node:fs";
import { files, report } from "../workspace.mjs";
import { sentencesOf } from "./sentences.mjs";
import { brokenRules } from "./voice-rules.mjs";

const generated =
  /\.gen\.ts$|(?:^|\/)CHANGELOG\.md$|^pnpm-lock\.yaml$|^scripts\/(?:check\/voice-rules|test\/voice\.test)\.mjs$/;
const prefixes = process.argv.slice(2);
const all = files().filter(
  (path) => !generated.test(path) && (prefixes.length === 0 || prefixes.some((prefix) => path.startsWith(prefix))),
);

const findings = all.flatMap((path) =>
  [...sentencesOf(path, readFileSync(path, "utf8"))].flatMap(({ line, text }) =>
    brokenRules(text).map(({ rule, message }) => `${path}:${line} ${rule} ${message}: ${text.slice(0, 120)}`),
  ),
);
report(findings, `voice: ${all.length} files`);
