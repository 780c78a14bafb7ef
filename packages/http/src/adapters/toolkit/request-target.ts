import { InputError } from "@scale/core";

/**
 * Scheme and host of the absolute form: `GET http://host/path`. Only characters that every parser takes for a part of the host.
 * Source: RFC 9112, section 3.2.2.
 */
const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/[a-z\d._~:[\]-]*(?=[/?]|$)/i;
/** The target of OPTIONS for the whole server, and that of CONNECT. */
const WITHOUT_PATH = /^(?:\*|[a-z\d._~[\]:-]*:\d+|)$/i;

/**
 * Characters that no request target contains, and that make Express parse the path in another way: a fragment, and white space.
 * Source: RFC 9112, section 3.2.
 */
const FOREIGN = /[#\s]/;

/** A segment of dots, percent-encoded or not, and a backslash, which some parsers take for a slash. */
const AMBIGUOUS = /\\|(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i;

/**
 * Returns path and query of a request target, unchanged: the path that routers match. Nothing is resolved or decoded, because a
 * guard that resolved `..` would see another path than its router.
 * @throws {InputError} for a target that routers read in different ways: with a fragment or white space, and in the absolute form
 * with dot segments or a backslash
 */
export function pathOf(target: string): string {
  if (FOREIGN.test(target)) throw ambiguous("without fragment and white space");
  if (target.startsWith("/")) return target;
  if (WITHOUT_PATH.test(target)) return "/";
  const origin = ORIGIN.exec(target)?.[0];
  const rest = target.slice(origin?.length);
  const [path = ""] = rest.split("?", 1);
  if (origin === undefined || AMBIGUOUS.test(path)) {
    throw ambiguous("with a plain host, and without dot segments and backslashes in the absolute form");
  }
  return rest.startsWith("/") ? rest : `/${rest}`;
}

const ambiguous = (expected: string): InputError =>
  new InputError(`request target: expected one ${expected}, got one that routers read in different ways`);
