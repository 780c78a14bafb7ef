import { ScaleError } from "@scale/core";

/** A guard refused a request whose response had begun. The connection was closed, because no reply can be sent. */
export class ResponseBegunError extends ScaleError {
  /** @param status status of the reply that could not be sent */
  constructor(status: number) {
    super(
      "SCALE_RESPONSE_BEGUN",
      `expected a response that has not begun, got one with its headers sent: the reply with status ${status} could not be sent, and the connection was closed; mount the guard before the code that writes the response`,
    );
  }
}

/** A token was sent and is not valid. The message is safe to show; `cause` is the error of the verification. */
export class CredentialError extends ScaleError {
  readonly status = 401;

  constructor(message: string, options?: ErrorOptions) {
    super("SCALE_CREDENTIAL", message, options);
  }
}
