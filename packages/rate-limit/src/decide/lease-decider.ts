import type { Clock } from "@scale/core";
import type { ConsumeResult, Decision, RefundRequest } from "../types.js";
import type { DenialCache } from "./denial-cache.js";
import { type LeaseAnswer, Leases } from "./leases.js";
import type { ResultHandler } from "./result-handler.js";
import type { LimitRequest } from "./rules.js";
import type { StoreClient } from "./store-client.js";

/** How often a request waits for a refill that another request has asked for, before it asks for itself. */
const MAX_WAITS = 8;

/** Decides requests with leased rules: by leases as far as they cover the charges, by the store for the rest. */
export class LeaseDecider {
  readonly #leases: Leases;
  readonly #client: StoreClient;
  readonly #results: ResultHandler;
  readonly #denialCache: DenialCache | undefined;

  constructor(parts: {
    readonly clock: Clock;
    readonly client: StoreClient;
    readonly results: ResultHandler;
    readonly denialCache: DenialCache | undefined;
  }) {
    this.#leases = new Leases(parts.clock);
    this.#client = parts.client;
    this.#results = parts.results;
    this.#denialCache = parts.denialCache;
  }

  decide(request: LimitRequest, waits = 0): Decision | Promise<Decision> {
    const answer = this.#leases.consume(request.consume, waits < MAX_WAITS);
    if (answer.kind === "consumed") return this.#results.decided(request, answer.result, "lease");
    if (answer.kind === "wait") return this.#retryAfterWait(request, answer.until, waits);
    return this.#decidePartlyLeased(request, answer);
  }

  refund(request: RefundRequest): void {
    this.#leases.refund(request);
  }

  async #retryAfterWait(request: LimitRequest, until: Promise<unknown>, waits: number): Promise<Decision> {
    // When the refill failed, all waiting requests ask at once: one deadline for all, instead of one after the other.
    const hasRefill = (await until) !== undefined;
    // The store may have refused an equal request in the meantime.
    const refused = this.#denialCache?.find(request);
    if (refused !== undefined) return this.#results.publish(request, refused);
    return this.decide(request, hasRefill ? waits + 1 : MAX_WAITS);
  }

  async #decidePartlyLeased(
    request: LimitRequest,
    { request: uncovered, merge }: LeaseAnswer & { kind: "ask" },
  ): Promise<Decision> {
    const sentAt = this.#results.sentNow();
    const ask = async (): Promise<ConsumeResult> =>
      this.#results.accept(uncovered, await this.#client.consume(uncovered), sentAt);
    try {
      return this.#results.decided(request, await merge(ask()), "store");
    } catch (error) {
      return this.#results.failed(request, error, uncovered);
    }
  }
}
