import { Agent } from "node:http";
import { type Answer, type Call, send } from "./http-client.js";

/** Far more than the process has room for at once. */
export const BURST_REQUESTS = 300;
/** On the largest plan, so that its rate limit admits many of them. */
const TENANT = "amber-labs";

/** Sends many searches of one tenant at the same moment. @returns the responses; a request without one is left out */
export async function sendBurst(url: string): Promise<readonly Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: BURST_REQUESTS, maxFreeSockets: BURST_REQUESTS });
  const headers = { "x-tenant-id": TENANT, "x-user-id": "burst" };
  const sendAll = async (pathOf: (n: number) => string): Promise<readonly Answer[]> => {
    const calls = Array.from({ length: BURST_REQUESTS }, (_, n): Call => ({ method: "GET", path: pathOf(n), headers }));
    const settled = await Promise.allSettled(calls.map((call) => send(url, agent, call)));
    return settled.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  };
  // Opens the connections: doing so spreads the requests over a second, in which the process would handle them.
  await sendAll(() => "/health");
  const answers = await sendAll((n) => `/contacts/search?q=burst-${n}`);
  agent.destroy();
  return answers;
}
