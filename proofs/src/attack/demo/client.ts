import { Agent, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";

export interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

export interface Reply {
  /** 0 without a response. */
  readonly status: number;
  readonly text: string;
}

const NO_ANSWER: Reply = { status: 0, text: "" };

/** A client with an address of its own: on Linux all of 127.0.0.0/8 is this machine. */
export interface Client {
  ask(ask: Ask): Promise<Reply>;
  /** Sends bytes as they are. */
  raw(bytes: string): Promise<Reply>;
  close(): void;
}

export function clientAt(url: string, localAddress: string, heard: (reply: Reply) => void): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 64, localAddress });
  const { port } = new URL(url);
  const noted = (reply: Reply): Reply => {
    heard(reply);
    return reply;
  };
  return {
    ask: async ({ method = "GET", path, headers = {}, body }) =>
      noted(
        await new Promise((resolve) => {
          const json = body === undefined ? {} : { "content-type": "application/json" };
          const options = { method, agent, headers: { ...json, ...headers }, timeout: 10_000 };
          const outgoing = httpRequest(new URL(path, url), options, (response) => {
            const all = `${JSON.stringify(response.headers)}\n`;
            text(response).then(
              (content) => resolve({ status: response.statusCode ?? 0, text: all + content }),
              () => resolve(NO_ANSWER),
            );
          });
          outgoing.once("timeout", () => outgoing.destroy());
          outgoing.once("error", () => resolve(NO_ANSWER));
          outgoing.end(body === undefined ? undefined : JSON.stringify(body));
        }),
      ),
    raw: async (bytes) =>
      noted(
        await new Promise((resolve) => {
          const socket = connect({ port: Number(port), host: "127.0.0.1", localAddress, timeout: 3000 });
          let received = "";
          const end = (): void => {
            socket.destroy();
            resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(received)?.[1] ?? 0), text: received });
          };
          socket.setEncoding("utf8").on("data", (chunk: string) => (received += chunk));
          socket.once("timeout", end).once("error", end).once("end", end);
          socket.write(bytes);
        }),
      ),
    close: () => agent.destroy(),
  };
}
