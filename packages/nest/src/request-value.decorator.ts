import { createParamDecorator } from "@nestjs/common";

/**
 * Parameter decorator for what a guard knows about the request: `@RequestValue(decisionOf)` with `decisionOf` of
 * `@scale/rate-limit/http`.
 * @param read called with the request of the platform, Express or Fastify; its result is the parameter
 */
export function RequestValue(read: (request: object) => unknown): ParameterDecorator {
  return createParamDecorator<undefined, unknown>((_, context) => read(context.switchToHttp().getRequest<object>()))();
}
