import { type ArgumentsHost, Catch, type ExceptionFilter } from "@nestjs/common";
import { type SerializedReply, serializeReply, problemFromError, writeHeaders } from "@scale/http/adapter";
import { end, exchangeOf, headersOf, isOver } from "./platform.js";
import { DeniedException } from "./run-guard.js";

/** Every error that has an answer is an instance, of whichever copy of the library it is. Nest asks with instanceof. */
// oxlint-disable-next-line typescript/no-extraneous-class -- @Catch takes classes only
abstract class Answerable {
  static [Symbol.hasInstance](error: unknown): boolean {
    return answerTo(error) !== undefined;
  }
}

/**
 * Answers what a guard denied, and errors of `@scale` packages with their problem. It catches nothing else, and a
 * filter that the application adds with `useGlobalFilters` or on a controller comes first.
 */
@Catch(Answerable)
export class ProblemFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const answer = answerTo(error);
    // Returning nothing leaves the error to the filters of the other transport.
    if (answer === undefined || host.getType() !== "http") return;
    const exchange = exchangeOf(host);
    if (!isOver(exchange)) {
      writeHeaders(answer.headers, headersOf(exchange));
      end(exchange, answer.status, answer.text);
    } else if (!(error instanceof DeniedException) && !exchange.nodeResponse.writableEnded) {
      // The handler failed in the middle of its body: the client must not take what it has for the whole.
      exchange.nodeResponse.destroy();
    }
  }
}

function answerTo(error: unknown): SerializedReply | undefined {
  if (error instanceof DeniedException) return error.answer;
  const reply = problemFromError(error);
  return reply && serializeReply(reply);
}
