// Patterns that must not occur in a line. `view` is what of the file is searched: "code" without comments and quoted
// text, "text" without comments, "all" of it.
const product = /^(?:packages|examples|benchmarks|proofs)\/.*\.[cm]?tsx?$/;
const library = /^packages\/(?!testkit\/)[^/]+\/src\/.*\.(?:[cm]?tsx?|lua)$/;
const written = /\.(?:md|[cm]?[jt]sx?|lua|sql|html|css|vue|ya?ml)$/;
const test = /\.test\.[cm]?[jt]sx?$/;

export const lineRules = [
  {
    rule: "interval",
    files: product,
    pattern: /\bsetInterval\b/,
    message: "expire on read, or set one unref'ed timeout after another",
  },
  {
    rule: "clock",
    files: library,
    except: /^packages\/core\/src\/clock\.ts$|\.test\.ts$/,
    pattern: /\b(?:Date|performance)\.now\b|\bnew Date\(\s*\)|\bhrtime\b/,
    message: "time comes in through a Clock",
  },
  {
    rule: "keyspace",
    files: library,
    except: test,
    pattern: /(?<!\bObject)\.keys\((?!\s*\))|\.scan(?:Stream|Iterator)?\(/,
    message: "walking the keyspace is O(keys) and misses the other shards of a cluster",
  },
  {
    rule: "keyspace",
    files: library,
    except: test,
    view: "text",
    pattern: /\bp?call\(\s*["'](?:keys|scan)["']/i,
    message: "walking the keyspace is O(keys) and misses the other shards of a cluster",
  },
  { rule: "export-star", files: product, pattern: /\bexport\s*\*/, message: "export by name" },
  {
    rule: "double-cast",
    files: product,
    pattern: /\bas unknown as\b/,
    message: "parse it, or fix the type it comes from",
  },
  {
    rule: "emoji",
    files: written,
    view: "all",
    pattern: /\p{Emoji_Presentation}|[\u2600-\u27bf]|\ufe0f/u,
    message: "words say it (in a test, write the escape)",
  },
  {
    rule: "later",
    files: written,
    view: "all",
    pattern: /\b(?:TO[D]O|FIX[M]E)\b/,
    message: "do it, or describe the limit",
  },
  {
    rule: "machine-path",
    files: /\.(?:md|[cm]?[jt]sx?|lua|json|ya?ml)$/,
    view: "all",
    pattern: /(?<![\w.~])\/(?:root|work|workspace|builds|(?:home|Users)\/[\w-]+)\//,
    message: "exists on one machine only",
  },
];
