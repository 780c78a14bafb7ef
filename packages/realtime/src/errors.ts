import { InputError, ScaleError } from "@scale/core";
import { describeValue } from "@scale/core/kit";

/** A topic name is invalid, or no definition of the hub matches it. */
export class TopicError extends InputError {
  constructor(message: string) {
    super(message, { code: "SCALE_TOPIC" });
  }
}

/** The data of an event is larger than the hub allows. Store it elsewhere, and publish a reference to it. */
export class PayloadTooLarge extends ScaleError {
  readonly status = 413;
  readonly bytes: number;
  readonly maxBytes: number;

  constructor(topic: string, bytes: number, maxBytes: number) {
    const sizes = `expected at most ${maxBytes} bytes, got ${bytes}`;
    super(
      "SCALE_PAYLOAD_TOO_LARGE",
      `an event of topic ${describeValue(topic)} is too large: ${sizes}; publish a reference to the data instead`,
    );
    this.bytes = bytes;
    this.maxBytes = maxBytes;
  }
}
