import type { Line, SectionOptions } from "@scale/testkit";
import { deliveries } from "./deliveries.js";
import { publish } from "./publish.js";
import { stalled } from "./stalled.js";

/** What does a stream of events cost: a delivery, a publication, and a client that does not read? */
export async function* realtime({ smoke }: SectionOptions): AsyncIterable<Line> {
  yield* publish(smoke);
  yield* deliveries(smoke);
  yield* stalled(smoke);
}
