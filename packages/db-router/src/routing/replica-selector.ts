import type { NodeEntry } from "../cluster/node-state.js";

export type Choice = "least-in-flight" | "round-robin";

/** Whether a node may serve this read. */
export type Fits = (entry: NodeEntry) => boolean;

export interface Chooser {
  /** One of those that fit: of the own zone if there is one there, or else of any. */
  choose(entries: readonly NodeEntry[], fits: Fits): NodeEntry | undefined;
}

/** Runs for every read, so it makes no lists. */
export function createChooser(choice: Choice, zone: string | undefined): Chooser {
  const pick = choice === "least-in-flight" ? leastInFlight() : roundRobin;
  return {
    choose: (entries, fits) =>
      zone === undefined
        ? pick(entries, fits)
        : (pick(entries, (entry) => entry.node.zone === zone && fits(entry)) ?? pick(entries, fits)),
  };
}

/** The fewest statements for its weight. Of equals the next in turn, or else the first would get all of a quiet time. */
function leastInFlight(): Chooser["choose"] {
  let turn = 0;
  return (entries, fits) => {
    const { length } = entries;
    let best: NodeEntry | undefined;
    let chosen = turn;
    let least = Infinity;
    // From the one after the last choice on: those that do not fit must not leave their turns to their neighbours.
    for (let offset = 1; offset <= length; offset += 1) {
      const place = (turn + offset) % length;
      const entry = entries[place] as NodeEntry;
      const load = (entry.inFlight + 1) / entry.weight;
      if (load < least && fits(entry)) {
        best = entry;
        chosen = place;
        least = load;
      }
    }
    turn = chosen;
    return best;
  };
}

/** Smooth weighted round robin: shares follow the weights, and a heavy node's turns are spread over the round. */
function roundRobin(entries: readonly NodeEntry[], fits: Fits): NodeEntry | undefined {
  let best: NodeEntry | undefined;
  let total = 0;
  for (const entry of entries) {
    if (!fits(entry)) continue;
    entry.credit += entry.weight;
    total += entry.weight;
    if (best === undefined || entry.credit > best.credit) best = entry;
  }
  if (best !== undefined) best.credit -= total;
  return best;
}
