/** A server, browser or worker that is missing, did not start, or did not answer in time. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  /** Output of the program, or `""`. Not part of `message`, which is one line. */
  readonly detail: string;

  constructor(message: string, options: { detail?: string; cause?: unknown } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : {});
    this.detail = options.detail ?? "";
  }
}
