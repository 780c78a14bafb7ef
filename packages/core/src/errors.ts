const marker: unique symbol = Symbol.for("@scale/error");

/** Every error the packages throw. `code` is stable API; `message` is for people and may change. */
export class ScaleError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }

  static {
    // On the prototype: defining it for each error takes as long as the rest, and a logger that prints fields has no use for it.
    Object.defineProperty(this.prototype, marker, { value: true });
  }
}

/** An option, a plan file or an environment variable is wrong. Thrown at construction only. */
export class ConfigError extends ScaleError {
  constructor(message: string, options?: ErrorOptions) {
    super("SCALE_CONFIG", message, options);
  }
}

/** A backend could not answer. `cause` is the error of its client, if there is one. */
export class StoreError extends ScaleError {
  /** True for a call that was not sent: it has no effect, now or later. */
  readonly notSent: boolean;

  constructor(message: string, options?: ErrorOptions & { readonly notSent?: boolean }) {
    super("SCALE_STORE", message, options);
    this.notSent = options?.notSent ?? false;
  }
}

/** A deadline of `timeoutMs` passed. The operation may still be carried out. */
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

/** A tenant is required and there is none, or its id is invalid. No default tenant ever takes its place. */
export class TenantError extends InputError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { ...options, code: "SCALE_TENANT" });
  }
}

/**
 * The plan of a tenant is unknown, does not include the feature, or could not be looked up. No unlimited plan ever takes
 * its place. `status` is 403 when the tenant has no such right, and 503 when the lookup failed.
 */
export class PlanError extends ScaleError {
  readonly status: 403 | 503;

  constructor(message: string, options?: ErrorOptions & { status?: 403 | 503 }) {
    super("SCALE_PLAN", message, options);
    this.status = options?.status ?? 503;
  }
}

/**
 * True for an error of any `@scale` package; with `code`, only for that code.
 * Works across duplicate installs, where `instanceof` does not.
 */
export function isScaleError(error: unknown, code?: string): error is ScaleError {
  if (typeof error !== "object" || error === null || !(marker in error)) return false;
  return code === undefined || ("code" in error && error.code === code);
}

/** True for a call that a backend never received. After any other failure the call may still be carried out. */
export function wasNotSent(error: unknown): boolean {
  return isScaleError(error) && "notSent" in error && error.notSent === true;
}
