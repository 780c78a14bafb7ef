import { FairSemaphore as Semaphore, type FairSemaphoreOptions } from "@scale/core/kit";
import { BusyError } from "../errors.js";

/** A fair semaphore whose refusals are `BusyError`s about one limit of the router. */
export class FairSemaphore extends Semaphore {
  readonly what: BusyError["what"];

  constructor({ what, ...options }: Omit<FairSemaphoreOptions, "refuse"> & { readonly what: BusyError["what"] }) {
    super({ ...options, refuse: (reason) => new BusyError(what, reason) });
    this.what = what;
  }
}
