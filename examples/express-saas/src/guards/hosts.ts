import { problem } from "@scale/http";
import { type NodeMiddleware, toExpress } from "@scale/http/express";

/** Names by which programs of this machine reach the server. */
export const LOOPBACK_HOSTS: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

const PORT = /:\d{0,5}$/;

/**
 * Refuses requests for another host with 421. Without it, a page of any site that resolves its own name to 127.0.0.1 (DNS
 * rebinding) reads this server's responses as its own. Ports are not compared: a forwarded port is another one.
 * @param hosts host names without a port, IPv6 addresses in brackets
 */
export function allowHosts(hosts: readonly string[]): NodeMiddleware {
  const allowed = new Set(hosts.map((host) => host.toLowerCase()));
  return toExpress(({ header }) => {
    const host = (header("host") ?? "").toLowerCase().replace(PORT, "");
    return allowed.has(host) ? {} : { reply: misdirected };
  });
}

const misdirected = problem({
  title: "Misdirected Request",
  status: 421,
  detail: "This server does not serve the host of the request. SCALE_HOSTS lists the hosts that it serves.",
});
