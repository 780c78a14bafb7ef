const marker: unique symbol = Symbol.for("@scale/error");

/** Every error the packages throw. `code` is stable API; `message` is for people and may change. */
export class ScaleError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    // Not enumerable: a logger that prints an error's fields has no use for it.
    Object.defineProperty(this, marker, { value: true });
  }
}

/** The wiring is wrong: an option, a plan file or an environment variable. Thrown at construction only. */
export class ConfigError extends ScaleError {
  constructor(message: string, options?: ErrorOptions) {
    super("SCALE_CONFIG", message, options);
  }
}

/** A backend could not answer. `cause` is the error of its client, where there is one. */
export class StoreError extends ScaleError {
  constructor(message: string, options?: ErrorOptions) {
    super("SCALE_STORE", message, options);
  }
}

/** We gave up waiting after `timeoutMs`. What was asked for may still happen. */
export class TimeoutError extends ScaleError {
  readonly timeoutMs: number;

  constructor(what: string, timeoutMs: number) {
    super("SCALE_TIMEOUT", `${what} did not answer within ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** Request data is wrong. The message is safe to show to the client; answer with `status`. */
export class InputError extends ScaleError {
  readonly status = 400;

  constructor(message: string, options?: ErrorOptions & { code?: string }) {
    super(options?.code ?? "SCALE_INPUT", message, options);
  }
}

/** There is no tenant where one is needed, or its id cannot be one. Never replaced by a default tenant. */
export class TenantError extends InputError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { ...options, code: "SCALE_TENANT" });
  }
}

/**
 * The plan of a tenant is not known, does not cover what was asked, or could not be looked up. Never answered with an
 * unlimited plan. `status` is 403 when the tenant has no such right, 503 when we could not find out.
 */
export class PlanError extends ScaleError {
  readonly status: 403 | 503;

  constructor(message: string, options?: ErrorOptions & { status?: 403 | 503 }) {
    super("SCALE_PLAN", message, options);
    this.status = options?.status ?? 503;
  }
}

/**
 * True for an error of any `@scale` package, and of `code` when one is given.
 * Works across duplicate installs, where `instanceof` does not.
 */
export function isScaleError(error: unknown, code?: string): error is ScaleError {
  if (typeof error !== "object" || error === null || !(marker in error)) return false;
  return code === undefined || ("code" in error && error.code === code);
}
