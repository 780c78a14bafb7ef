import { ScaleError } from "@scale/core";

/** A token was sent and is not valid. The message is safe to show; `cause` is the error of the verification. */
export class CredentialError extends ScaleError {
  readonly status = 401;

  constructor(message: string, options?: ErrorOptions) {
    super("SCALE_CREDENTIAL", message, options);
  }
}
