import { MOVED, type TenantSlots } from "../tenants/tenant-slots.js";

/** Requests and errors of the last windows by tenant, each window worth half of the one after it. */
export class RecentTraffic {
  #requests = new Float64Array(64);
  #errors = new Float64Array(64);

  constructor(slots: TenantSlots) {
    slots.onTurn((windows) => this.#decay(0.5 ** windows));
    slots.onMove((from) => {
      // The slot's next tenant starts without a past. `moved` has counts only, and no traffic.
      this.#requests[from] = 0;
      this.#errors[from] = 0;
      this.#requests[MOVED] = 0;
    });
  }

  record(slot: number, isError: boolean): void {
    if (slot >= this.#requests.length) this.#grow(slot);
    this.#requests[slot] = (this.#requests[slot] as number) + 1;
    if (isError) this.#errors[slot] = (this.#errors[slot] as number) + 1;
  }

  of(slot: number): { readonly requests: number; readonly errors: number } {
    return { requests: this.#requests[slot] ?? 0, errors: this.#errors[slot] ?? 0 };
  }

  #decay(factor: number): void {
    for (let slot = 0; slot < this.#requests.length; slot++) {
      this.#requests[slot] = (this.#requests[slot] as number) * factor;
      this.#errors[slot] = (this.#errors[slot] as number) * factor;
    }
  }

  #grow(slot: number): void {
    const length = Math.max(slot + 1, this.#requests.length * 2);
    const [requests, errors] = [new Float64Array(length), new Float64Array(length)];
    requests.set(this.#requests);
    errors.set(this.#errors);
    [this.#requests, this.#errors] = [requests, errors];
  }
}
