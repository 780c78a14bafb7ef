import { type ArgumentsHost, Catch, type ExceptionFilter } from "@nestjs/common";
import { type SerializedReply, serializeReply, problemFromError, writeHeaders } from "@scale/http/adapter";
import { endWith, exchangeOf, headersOf, hasEnded } from "./platform.js";
import { DeniedException } from "./run-guard.js";

/** Matches every error that has a reply, of any installed copy of the library. Nest tests with `instanceof`. */
// oxlint-disable-next-line typescript/no-extraneous-class -- @Catch takes classes only
abstract class AnswerableError {
  static [Symbol.hasInstance](error: unknown): boolean {
    return replyTo(error) !== undefined;
  }
}

/**
 * Answers denials of guards with their reply, and errors of `@scale` packages with their problem. It catches nothing else.
 * Filters of the application, from `useGlobalFilters` or on a controller, run first.
 */
@Catch(AnswerableError)
export class ProblemFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const reply = replyTo(error);
    // Without a return value the filters of the other transport handle the error.
    if (reply === undefined || host.getType() !== "http") return;
    const exchange = exchangeOf(host);
    if (!hasEnded(exchange)) {
      writeHeaders(reply.headers, headersOf(exchange));
      endWith(exchange, reply.status, reply.text);
    } else if (!exchange.nodeResponse.writableEnded) {
      // The handler failed during its body, or a guard refused after the response had begun: the client must not wait for
      // the rest, and must not take the part for the whole.
      exchange.nodeResponse.destroy();
    }
  }
}

function replyTo(error: unknown): SerializedReply | undefined {
  if (error instanceof DeniedException) return error.reply;
  const reply = problemFromError(error);
  return reply && serializeReply(reply);
}
