/**
 * The signal of one slot. The AbortSignal is created when it is read: on Node 20 creating one takes longer than a decision. Each
 * slot has its own, because listeners on a shared one would pile up.
 */
export class SlotSignal {
  #controller: AbortController | undefined;
  #reason: Error | undefined;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }
}
