import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  authenticated,
  firstOf,
  fromClaim,
  fromHeader,
  fromParam,
  fromPath,
  fromSubdomain,
  type TenantResolver,
} from "./index.js";
import { createFacts } from "./testing/facts.js";

const ROOT = join(import.meta.dirname, "../../..");

function markdownFiles(): string[] {
  const packages = readdirSync(join(ROOT, "packages")).map((name) => `packages/${name}/README.md`);
  const docs = ["docs/guides", "docs/packages"].flatMap((folder) =>
    readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`),
  );
  return ["README.md", "docs/index.md", ...docs, ...packages].filter(
    (path) => path.endsWith(".md") && existsSync(join(ROOT, path)),
  );
}

/** The expressions that the snippets of all pages pass as `resolve` and `user` of a `tenantGuard`. */
function sources(): [where: string, expression: string][] {
  return markdownFiles().flatMap((path) => {
    const page = readFileSync(join(ROOT, path), "utf8");
    const fences = page.match(/```ts.*?```/gsu) ?? [];
    return fences.flatMap((fence) =>
      [...fence.matchAll(/\b(?:resolve|user): (?=[a-zA-Z]+\()/gu)].map((found): [string, string] => [
        path,
        expressionAt(fence, found.index + found[0].length),
      ]),
    );
  });
}

/** A call, up to the parenthesis that closes it. */
function expressionAt(code: string, from: number): string {
  let depth = 0;
  for (let at = from; at < code.length; at++) {
    if (code[at] === "(") depth += 1;
    if (code[at] === ")" && --depth === 0) return code.slice(from, at + 1);
  }
  return code.slice(from);
}

/** Evaluates an expression of a snippet. Resolvers that it declares itself are taken for verified ones that find nothing. */
function resolverOf(expression: string): TenantResolver {
  const verify = (): never => {
    throw new Error("no token is valid");
  };
  const known = { authenticated, firstOf, fromClaim, fromHeader, fromParam, fromPath, fromSubdomain, verify };
  const own = [...expression.matchAll(/\bfrom[A-Z]\w*/gu)].map(([name]) => name).filter((name) => !(name in known));
  const none = authenticated(() => undefined);
  const names = [...Object.keys(known), ...own];
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- code of this repository's own pages
  const evaluate = new Function(...names, `return ${expression}`) as (...values: readonly unknown[]) => TenantResolver;
  return evaluate(...Object.values(known), ...own.map(() => none));
}

describe("the tenant sources of all snippets", () => {
  const found = sources();

  it("are found", () => {
    expect(found.length).toBeGreaterThan(15);
  });

  it.each(found)("%s: %s", async (_, expression) => {
    const resolve = resolverOf(expression);
    // A snippet that trusts a header says so.
    expect(expression).not.toMatch(/(?<!authenticated\()fromHeader\(/u);
    if (!expression.includes("fromClaim(")) return;
    const attacks = [
      { headers: { "x-tenant-id": "victim", "x-user-id": "victim", "x-api-key": "victim.guess" } },
      { headers: { host: "victim.example.com" } },
      { url: "/t/victim/orders", params: { tenant: "victim" } },
    ];
    for (const attack of attacks) expect(await resolve(createFacts(attack))).toBeUndefined();
    await expect(
      (async () => resolve(createFacts({ headers: { authorization: "Bearer forged" } })))(),
    ).rejects.toMatchObject({
      code: "SCALE_CREDENTIAL",
    });
  });
});
