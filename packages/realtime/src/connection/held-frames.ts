import type { Frame } from "../delivery/frame.js";

/** Frames that arrive while a connection reads what it missed. */
export interface HeldFrames {
  add(frame: Frame): void;
  /** Takes all frames out, in the order of their arrival. */
  take(): readonly Frame[];
}

/**
 * Bounded: above `maxBytes` all frames are discarded. The connection then finds the gap between its position and the next
 * frame, and reads once more.
 */
export function createHeldFrames(maxBytes: number): HeldFrames {
  let frames: Frame[] = [];
  let bytes = 0;
  const take = (): readonly Frame[] => {
    const taken = frames;
    frames = [];
    bytes = 0;
    return taken;
  };
  return {
    add(frame) {
      bytes += frame.bytes.length;
      if (bytes > maxBytes) take();
      else frames.push(frame);
    },
    take,
  };
}
