import { FairSemaphore as Semaphore, type FairSemaphoreOptions } from "@scale/core/kit";
import { BusyError } from "../errors.js";

/** A limit of permits. A full pool is found by the pool itself. */
type PermitLimit = Exclude<BusyError["what"], "pool">;

/** A fair semaphore whose refusals are `BusyError`s about one limit of the router. */
export class FairSemaphore extends Semaphore {
  readonly what: PermitLimit;

  constructor({ what, ...options }: Omit<FairSemaphoreOptions, "refuse"> & { readonly what: PermitLimit }) {
    super({ ...options, refuse: (reason) => new BusyError(what, reason) });
    this.what = what;
  }
}
