import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IndexedHeap, NOT_IN_HEAP, type HeapIndex } from "./indexed-heap.js";

fc.configureGlobal({ seed: 20_261_120, numRuns: 300 });

interface Thing {
  place: number;
}

const PLACES: HeapIndex<Thing> = {
  get: (thing) => thing.place,
  set: (thing, place) => {
    thing.place = place;
  },
};

describe("IndexedHeap", () => {
  it("returns the lowest rank first after any puts, moves and removals", () => {
    const step = fc.record({ thing: fc.nat(19), rank: fc.option(fc.nat(30), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
        const things = Array.from({ length: 20 }, (): Thing => ({ place: NOT_IN_HEAP }));
        const heap = new IndexedHeap(PLACES);
        const ranks = new Map<Thing, number>();
        for (const { thing: at, rank } of steps) {
          const thing = things[at]!;
          if (rank === undefined) {
            heap.remove(thing);
            ranks.delete(thing);
          } else {
            heap.put(thing, rank);
            ranks.set(thing, rank);
          }
          expect(thing.place === NOT_IN_HEAP).toBe(rank === undefined);
          const first = heap.first === undefined ? Infinity : ranks.get(heap.first);
          expect(first).toBe(Math.min(...ranks.values()));
        }
        const drained: (number | undefined)[] = [];
        for (let { first } = heap; first !== undefined; first = heap.first) {
          drained.push(ranks.get(first));
          heap.remove(first);
        }
        expect(drained).toEqual([...ranks.values()].sort((a, b) => a - b));
      }),
    );
  });
});
