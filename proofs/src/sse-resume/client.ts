import { type ClientRequest, request } from "node:http";
import { TOPICS } from "./stage.js";

/** The events that a client has received, judged one by one. They are numbered from 0 by their publisher. */
export class Receipts {
  /** Number of the last event. */
  last = -1;
  received = 0;
  duplicated = 0;
  outOfOrder = 0;
  /** Events that were left out without a reset in between. */
  lost = 0;
  resets = 0;
  #isReset = false;

  take(n: number): void {
    this.received++;
    if (this.#isReset) {
      // The client has fetched its state: the stream begins anew, at whatever event.
      this.#isReset = false;
    } else if (n === this.last) this.duplicated++;
    else if (n < this.last) this.outOfOrder++;
    else this.lost += n - this.last - 1;
    this.last = Math.max(this.last, n);
  }

  reset(): void {
    this.resets++;
    this.#isReset = true;
  }

  /** Counts the events up to the last one of the publisher that did not come. */
  end(published: number): void {
    if (!this.#isReset) this.lost += Math.max(0, published - 1 - this.last);
  }
}

export interface DroppingClientOptions {
  /** URLs of the processes. */
  readonly urls: readonly string[];
  readonly random: () => number;
  /** Milliseconds after its `ready` when the client drops a connection, at the earliest and at the latest. */
  readonly dropMs: readonly [number, number];
  /** False for a control: the client connects again without its id. */
  readonly resumes?: boolean;
}

/** A client that drops its connection again and again, and connects to a random process with the id of its last event. */
export class DroppingClient {
  readonly receipts: Receipts = new Receipts();
  connects = 0;
  /** True from the first `ready` on. */
  isReady = false;
  readonly #options: DroppingClientOptions;
  #lastEventId = "";
  #request: ClientRequest | undefined;
  #timer: NodeJS.Timeout | undefined;
  #drops = true;
  #isClosed = false;

  constructor(options: DroppingClientOptions) {
    this.#options = options;
    this.#connect();
  }

  /** Keeps the next connection. */
  settle(): void {
    this.#drops = false;
    clearTimeout(this.#timer);
    if (this.#request === undefined) this.#connect();
  }

  /** Stays away until `settle`. */
  pause(): void {
    clearTimeout(this.#timer);
    const sent = this.#request;
    this.#request = undefined;
    sent?.destroy();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#request?.destroy();
  }

  #connect(): void {
    const { urls, random, resumes = true } = this.#options;
    const url = urls[Math.floor(random() * urls.length)] ?? "";
    this.connects++;
    const query = TOPICS.map((topic) => `topic=${topic}`).join("&");
    const sent = request(`${url}/?${query}`, {
      agent: false,
      headers: {
        accept: "text/event-stream",
        ...(resumes && this.#lastEventId !== "" && { "last-event-id": this.#lastEventId }),
      },
    });
    this.#request = sent;
    let rest = "";
    sent.on("response", (response) => {
      response.setEncoding("utf8").on("error", () => undefined);
      response.on("data", (chunk: string) => {
        const blocks = (rest + chunk).split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) this.#parse(block);
      });
    });
    sent.on("error", () => undefined);
    sent.once("close", () => {
      if (this.#request !== sent) return;
      this.#request = undefined;
      if (!this.#isClosed) this.#timer = setTimeout(() => this.#connect(), 10 + random() * 40);
    });
    sent.end();
  }

  /** Called for each connection that has become a stream: on a busy machine that alone takes longer than a connection lasts. */
  #dropLater(): void {
    this.isReady = true;
    const { random, dropMs } = this.#options;
    const [least, most] = dropMs;
    const sent = this.#request;
    if (this.#drops) this.#timer = setTimeout(() => sent?.destroy(), least + random() * (most - least));
  }

  #parse(block: string): void {
    const id = /^id: (.*)$/m.exec(block)?.[1];
    const event = /^event: (.*)$/m.exec(block)?.[1] ?? "message";
    const data = /^data: (.*)$/m.exec(block)?.[1];
    if (id !== undefined) this.#lastEventId = id;
    if (event === "ready") this.#dropLater();
    else if (event === "reset") this.receipts.reset();
    else if (event === "message" && data !== undefined) this.receipts.take((JSON.parse(data) as { data: number }).data);
  }
}
