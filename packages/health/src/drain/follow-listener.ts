import type { EventEmitter } from "node:events";
import type { IncomingMessage, RequestListener } from "node:http";
import type { Socket } from "node:net";

/**
 * Listens to an event for as long as other code does. Node answers a request that asks for an upgrade, or that expects
 * something, by itself when the event has no listener; a listener that only watches would leave its client waiting.
 */
export function followListener(
  emitter: EventEmitter,
  event: string,
  listener: RequestListener | ((request: IncomingMessage, socket: Socket) => void),
): void {
  let isOn = false;
  const turnOn = (): void => {
    if (isOn) return;
    isOn = true;
    emitter.prependListener(event, listener);
  };
  emitter.on("newListener", (name: string, added: unknown) => {
    if (name === event && added !== listener) turnOn();
  });
  emitter.on("removeListener", (name: string, removed: unknown) => {
    if (name !== event || removed === listener || !isOn || emitter.listenerCount(event) > 1) return;
    isOn = false;
    emitter.removeListener(event, listener);
  });
  if (emitter.listenerCount(event) > 0) turnOn();
}
