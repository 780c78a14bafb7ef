import type { HttpFacts } from "@scale/http";
import { type RequestHandler, Router } from "express";
import { createTokenCheck } from "../admin.js";

/** The right to see and use the live page: the admin token, as a bearer or in the cookie of the login. */
export interface OperatorLogin {
  readonly isOperator: (facts: Pick<HttpFacts, "header">) => boolean;
  /** Turns the address that the example prints, `/scale?token=…`, into a session. Mount it before the page. */
  readonly routes: Router;
}

const COOKIE = "scale_operator";
const PATH = "/scale";

/** A product checks its own login instead. The cookie is not `Secure`, since the example serves plain http on loopback. */
export function createOperatorLogin(token: string): OperatorLogin {
  const hasToken = createTokenCheck(token);
  const login: RequestHandler = ({ query }, response, next) => {
    const { token: given } = query;
    if (typeof given !== "string") return next();
    if (!hasToken(`Bearer ${given}`)) return void response.status(403).type("text").send(FORBIDDEN);
    response.cookie(COOKIE, given, { httpOnly: true, sameSite: "strict", path: PATH });
    // The address of the page has no token any more: it is shown, copied and kept by the browser.
    response.redirect(303, PATH);
  };
  const routes = Router();
  routes.get(PATH, login);
  return {
    isOperator: ({ header }) => hasToken(header("authorization")) || hasToken(`Bearer ${cookieOf(header("cookie"))}`),
    routes,
  };
}

const FORBIDDEN = "Expected the address that the example printed when it started.\n";

/** The value is a token of letters and digits, which needs no decoding. */
function cookieOf(header = ""): string {
  const prefix = `${COOKIE}=`;
  const found = header.split(";").find((part) => part.trimStart().startsWith(prefix));
  return found?.trim().slice(prefix.length) ?? "";
}
