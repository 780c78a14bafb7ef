import { describeValue } from "@scale/core/kit";
import type { HttpFacts, Reply } from "@scale/http";
import { problem } from "@scale/http";

/** The queues and jobs that the sender of a request may see. */
export interface QueueAccess {
  /** Tenants whose jobs the sender sees; `"all"` for operators of the product. */
  readonly tenants: "all" | readonly string[];
}

/**
 * Returns the access of the sender of a request, or `undefined` for a sender without any. The application verifies the
 * session or token here. Any other result, such as `true`, is refused.
 */
export type Authorize = (facts: HttpFacts) => QueueAccess | undefined | Promise<QueueAccess | undefined>;

/** @returns the access, or the reply of a sender that has none */
export async function accessOf(
  authorize: Authorize,
  facts: HttpFacts,
): Promise<{ readonly access: QueueAccess } | { readonly reply: Reply }> {
  const access: unknown = await authorize(facts);
  if (access === undefined || access === null) {
    return { reply: problem({ title: "Unauthorized", status: 401, detail: "These queues need authorization." }) };
  }
  if (!isAccess(access)) {
    throw new TypeError(`authorize: expected { tenants: "all" | string[] } or undefined, got ${describeValue(access)}`);
  }
  return { access };
}

function isAccess(value: unknown): value is QueueAccess {
  if (typeof value !== "object" || value === null || !("tenants" in value)) return false;
  const { tenants } = value;
  return tenants === "all" || (Array.isArray(tenants) && tenants.every((tenant) => typeof tenant === "string"));
}
