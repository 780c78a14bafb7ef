/** `user:password@host`, without a scheme. */
const BARE_CREDENTIALS = /^[^\s:@/"']*:(?!\/\/)[^@]+@/s;
const SECRET_NAME =
  "password|passwd|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|account[-_]?key|private[-_]?key|credential|signature";
const QUOTED_OR_WORD = String.raw`(?:"[^"]*"|'[^']*'|[^\s&,;"'}\]]+)`;
const ASSIGNED = new RegExp(String.raw`([\w-]*(?:${SECRET_NAME})[\w-]*["']?\s*[=:]\s*)${QUOTED_OR_WORD}`, "gi");
const AUTHORIZATION = /\b(authorization["']?\s*[=:]\s*|bearer\s+|basic\s+)(?:(?:bearer|basic|digest)\s+)?[^\s"',;]+/gi;
const PRIVATE_KEY = /-----BEGIN [\w ]*KEY-----[^]*/g;
/** A JSON Web Token. */
const JWT = /\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?/g;

/** Masks the parts of a string that are secrets: credentials of URLs, tokens, keys, and values that are assigned to such names. */
export function maskSecrets(text: string): string {
  return maskUrls(text)
    .replace(BARE_CREDENTIALS, "***@")
    .replaceAll(AUTHORIZATION, "$1***")
    .replaceAll(ASSIGNED, "$1***")
    .replaceAll(PRIVATE_KEY, "***")
    .replaceAll(JWT, "***");
}

/**
 * Masks from the first `//` to the last `@`. More than one URL on purpose: a password may contain `@`, `/` or blanks, and hiding
 * too much costs less than a character too few.
 */
function maskUrls(text: string): string {
  const start = text.indexOf("//");
  const end = text.lastIndexOf("@");
  return start === -1 || end < start ? text : `${text.slice(0, start)}//***${text.slice(end)}`;
}

// Without the plural of a token, which is a unit of models.
const SECRET_FIELD = new RegExp(
  `${SECRET_NAME.replace("|token|", "|token$|")}|^(?:pass|auth|authorization|cookie|dsn|pfx)$`,
  "i",
);

/** True for the name of an option or a field whose value is a secret, by its name. */
export const isSecretName = (name: string): boolean => SECRET_FIELD.test(name);

/** Fewest different characters of a secret: 32 random hexadecimal digits have fewer in one case of a million. */
const MIN_DIFFERENT = 8;

/**
 * True for a string that can be a secret of at least `minLength` characters. A repeated character or word is none: it is a
 * placeholder, and every attacker tries it.
 */
export const isStrongSecret = (secret: string, minLength = 32): boolean =>
  secret.length >= minLength && new Set(secret).size >= MIN_DIFFERENT;
