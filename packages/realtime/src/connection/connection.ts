import { controlFrame, type Frame, retryFrame } from "../delivery/frame.js";
import type { Page } from "../delivery/reader.js";
import type { Sink } from "../delivery/sink.js";
import { type CloseReason, historyReset, type ResetReason } from "../events.js";
import type { Cursor, Position } from "../store.js";
import type { ResolvedTopic } from "../topics/registry.js";
import type { Principal } from "../types.js";
import { createHeldFrames } from "./held-frames.js";
import { Outlet } from "./outlet.js";
import { startOf } from "./start.js";
import type { WhenSlow } from "./slow-buffer.js";

/** The parts of a hub that a connection uses. */
export interface ConnectionHost {
  readonly bufferBytes: number;
  readonly whenSlow: WhenSlow;
  readonly retryMs: number;
  /** False while notifications may be missing: no connection may become live. */
  isLive(): boolean;
  /** Reads a page of the connection's topics. Tries again until the store answers; `undefined` once the connection ended. */
  read(connection: Connection): Promise<Page | undefined>;
  /** Reads a page of the connection's topics. Rejects when the store does not answer. */
  readOnce(connection: Connection): Promise<Page>;
  /** Called once, when the connection has ended. */
  onEnd(connection: Connection, reason: CloseReason): void;
}

/**
 * One client's subscription. It is `live` while frames go straight to the client, and `behind` while it reads missed events
 * from the store and holds the frames that arrive meanwhile. `position` never skips an event: every frame carries the
 * position of its topic's event before, and a frame that does not fit sends the connection back to the store.
 */
export class Connection implements Cursor {
  readonly principal: Principal;
  // Copies: the application may change its object while the connection is counted and listed by them.
  readonly tenantId: string;
  readonly userId: string | undefined;
  readonly expiresAtMs: number | undefined;
  readonly topics: readonly ResolvedTopic[];
  readonly names: readonly string[];
  readonly openedAt: number;
  epoch: string = "";
  position: Position = 0;
  /** Every event of the topics up to here was read from the store, or is known not to exist. */
  readUpTo: Position = 0;
  recheckAt: number = Number.POSITIVE_INFINITY;
  /** True from its admission on. */
  wasAdmitted: boolean = false;
  readonly #host: ConnectionHost;
  readonly #held: ReturnType<typeof createHeldFrames>;
  #state: "behind" | "live" | "ended" = "behind";
  #isReading = true;
  #readAgain = false;
  #outlet: Outlet | undefined;

  constructor(host: ConnectionHost, { principal, topics, openedAt }: ConnectionInput) {
    this.#host = host;
    this.principal = principal;
    this.tenantId = principal.tenantId;
    this.userId = principal.userId;
    this.expiresAtMs = principal.expiresAtMs;
    this.topics = topics;
    this.names = topics.map(({ name }) => name).toSorted();
    this.openedAt = openedAt;
    this.#held = createHeldFrames(host.bufferBytes);
  }

  get isEnded(): boolean {
    return this.#state === "ended";
  }

  get isLive(): boolean {
    return this.#state === "live";
  }

  get pendingBytes(): number {
    return this.#outlet?.pendingBytes ?? 0;
  }

  /** Starts the response: the first page was read before it, so that a store that is away gets an error and no stream. */
  start(sink: Sink, first: Page): void {
    const { bufferBytes, whenSlow, retryMs } = this.#host;
    const outlet = new Outlet(sink, { tenantId: this.tenantId, bufferBytes, whenSlow, cursor: this });
    this.#outlet = outlet;
    // The hub was drained or closed since the connection was admitted.
    if (this.isEnded) return outlet.end("end");
    outlet.writeControl(retryFrame(retryMs));
    const start = startOf(first);
    // Before the id of `ready`: a client that lost the connection between the two would resume without its reset.
    if (start === "reset") this.#apply(first);
    else if (first.is === "head") this.#moveTo(first, first.position);
    outlet.writeControl(controlFrame("ready", this, { start }));
    void this.#catchUp(start === "resumed" ? first : undefined, start !== "resumed");
  }

  /** Delivers an event of one of the topics. */
  deliver(frame: Frame): void {
    if (this.#state !== "live") {
      if (this.#state === "behind") this.#held.add(frame);
      return;
    }
    if (frame.epoch === this.epoch) {
      if (frame.position <= this.position) return;
      if (frame.previous <= this.position) {
        // The position is that of another topic's event: this topic's event before it was skipped.
        if (frame.isAfterGap && frame.previous > this.readUpTo) this.reset("gap");
        return this.#write(frame);
      }
    }
    this.catchUp();
  }

  /** Stops live delivery. `catchUp` starts it again. */
  pause(): void {
    if (this.#state === "live") this.#state = "behind";
  }

  /** Reads missed events from the store, then becomes live again. */
  catchUp(): void {
    if (this.#state === "ended") return;
    this.#state = "behind";
    if (this.#isReading) this.#readAgain = true;
    else void this.#catchUp();
  }

  /**
   * Reads missed events once while the feed is lost. It does not become live: it may miss the next ones.
   * Rejects when the store does not answer.
   */
  async poll(): Promise<void> {
    if (this.#state !== "behind" || this.#isReading || this.#outlet === undefined) return;
    this.#isReading = true;
    try {
      for (let isComplete = false; !isComplete && !this.isEnded; )
        isComplete = await this.#applyPage(await this.#host.readOnce(this));
    } finally {
      this.#isReading = false;
      if (this.#readAgain) this.catchUp();
    }
  }

  /** Moves the position of a live connection forward, when its topics have no event up to there that it has not got. */
  advance({ epoch, position }: Cursor): void {
    if (this.#state !== "live" || epoch !== this.epoch || position <= this.position) return;
    this.position = position;
    this.readUpTo = position;
  }

  /** Called once in each heartbeat interval. */
  heartbeat(frameOf: (cursor: Cursor) => Frame): void {
    if (this.#state !== "ended" && this.#outlet?.beat(frameOf) === false) this.end("slow");
  }

  /** Writes a last frame and ends the response. */
  end(reason: CloseReason, last?: Frame): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    if (reason === "client") this.#outlet?.wake();
    else {
      if (last !== undefined) this.#outlet?.writeControl(last);
      this.#outlet?.end(reason === "slow" ? "destroy" : "end");
    }
    this.#host.onEnd(this, reason);
  }

  /** Ends what `end` left open: a client that does not read keeps an ended response. */
  destroy(): void {
    this.#outlet?.end("destroy");
  }

  async #catchUp(first?: Page, isDone = false): Promise<void> {
    this.#isReading = true;
    let page = first;
    let isComplete = isDone;
    for (;;) {
      if (!isComplete || this.#readAgain) {
        this.#readAgain = false;
        page ??= await this.#host.read(this);
        if (page === undefined || this.isEnded) break;
        isComplete = await this.#applyPage(page);
        page = undefined;
      }
      if (this.isEnded) break;
      // While the feed is lost the loop ends here; `catchUp` is called when it is restored.
      if (!this.#host.isLive()) break;
      if (isComplete && !this.#readAgain && this.#becomeLive()) break;
      isComplete = false;
    }
    this.#isReading = false;
    // The feed may have been restored since the check above.
    if (this.#readAgain && !this.isEnded && this.#host.isLive()) this.catchUp();
  }

  /** Writes a page as fast as the client takes it. @returns whether it was the last one */
  async #applyPage(page: Page): Promise<boolean> {
    if (page.is !== "events") {
      this.#apply(page);
      return true;
    }
    for (const frame of page.frames) {
      if (frame.position <= this.position) continue;
      await this.#outlet?.writeInTurn(frame, () => this.isEnded);
      if (this.isEnded) return true;
      this.position = frame.position;
    }
    this.position = Math.max(this.position, page.upTo);
    this.readUpTo = page.upTo;
    return !page.hasMore;
  }

  /** Goes to the newest position, and tells the client when events before it are gone. */
  #apply(page: Page): void {
    this.#moveTo(page, page.position);
    if (page.is === "trimmed" || page.is === "unknown") this.reset(page.is);
  }

  /** Tells the client to fetch its state again: events up to the position of the connection may be missing. */
  reset(reason: ResetReason): void {
    this.readUpTo = this.position;
    this.#outlet?.writeControl(controlFrame("reset", this, { reason }));
    historyReset.publish(() => ({ tenantId: this.tenantId, reason }));
  }

  #moveTo({ epoch }: Cursor, position: Position): void {
    this.epoch = epoch;
    this.position = position;
    this.readUpTo = position;
  }

  /** Delivers the frames that were held. @returns false when one did not fit: the store has to be read again */
  #becomeLive(): boolean {
    this.#state = "live";
    for (const frame of this.#held.take()) this.deliver(frame);
    this.#readAgain = false;
    return this.isLive || this.isEnded;
  }

  #write(frame: Frame): void {
    this.position = frame.position;
    if (this.#outlet?.write(frame) === false) this.end("slow");
  }
}

export interface ConnectionInput {
  readonly principal: Principal;
  readonly topics: readonly ResolvedTopic[];
  /** Reading of the monotonic clock. */
  readonly openedAt: number;
}
