/** A server, browser or worker that is missing, did not start, or did not answer in time. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  /** What the program printed, or `""`. Kept out of `message`, which is one line. */
  readonly detail: string;

  constructor(message: string, options: { detail?: string; cause?: unknown } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : {});
    this.detail = options.detail ?? "";
  }
}
