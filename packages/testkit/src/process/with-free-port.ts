import { isPortInUse } from "./explain.js";
import { freePort } from "./free-port.js";

/** Starts a server on a free port, and on another when a program took the port between the choice and the bind. */
export async function withFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (attempt === 3 || !isPortInUse(error)) throw error;
    }
  }
}
