import { InputError } from "@scale/core";
import type { HttpFacts } from "@scale/http";
import { z } from "zod";
import { circuitSet } from "../../events.js";
import type { Shedder } from "../../shedder.js";
import { degradationHealth } from "./health.js";
import { readJson } from "./read-json.js";
import {
  CIRCUIT_MODES,
  type CircuitSnapshot,
  type ControlAuthor,
  type ControlledCircuit,
  type ControlledFlags,
  isRegistry,
  snapshotsOf,
} from "./sources.js";

/** Handlers of one path by method. Each returns the body of the response. */
export interface Route {
  readonly GET?: (facts: HttpFacts) => unknown;
  readonly PUT?: (facts: HttpFacts) => unknown;
  readonly POST?: (facts: HttpFacts) => unknown;
}

export interface RouteSources {
  readonly breakers: readonly ControlledCircuit[];
  readonly flags?: ControlledFlags | undefined;
  readonly shedder?: Shedder | undefined;
  readonly maxCircuits: number;
  readonly authorOf?: ((facts: HttpFacts) => string | Promise<string>) | undefined;
}

/** @returns `undefined` for a path that is no route */
export function routeOf(segments: readonly string[], sources: RouteSources): Route | undefined {
  const [area, ...rest] = segments;
  if (area === "health" && rest.length === 0) return { GET: () => degradationHealth(sources) };
  if (area === "circuits") return circuitRoute(rest, sources);
  return area === "flags" && sources.flags !== undefined ? flagRoute(rest, sources.flags, sources) : undefined;
}

function circuitRoute([name, ...rest]: readonly string[], sources: RouteSources): Route | undefined {
  const { breakers, maxCircuits } = sources;
  if (rest.length > 0) return undefined;
  const list = (chosen: readonly ControlledCircuit[]) => ({
    circuits: chosen.flatMap((circuit) => snapshotsOf(circuit, maxCircuits)),
  });
  if (name === undefined) return { GET: () => list(breakers) };
  const circuit = breakers.find((each) => each.name === name);
  return circuit && { GET: () => list([circuit]), PUT: (facts) => setMode(facts, circuit, sources) };
}

function flagRoute(
  [name, action, ...rest]: readonly string[],
  flags: ControlledFlags,
  sources: RouteSources,
): Route | undefined {
  if (name === undefined) return { GET: () => flagList(flags) };
  if (rest.length > 0 || !Object.hasOwn(flags.definitions, name)) return undefined;
  if (action === undefined) {
    return {
      GET: ({ url }) => ({ ...flags.explain(name, subjectOf(url)), settings: flags.settings(name) }),
      PUT: async (facts) => {
        const { settings, author } = await readChange(facts, settingsChange, sources);
        return flags.set(name, settings, author);
      },
    };
  }
  if (action !== "kill" && action !== "unkill") return undefined;
  return { POST: async (facts) => flags[action](name, (await readChange(facts, authored, sources)).author) };
}

/** `by` is checked apart: it may come from the login instead. */
const authored = z.strictObject({ by: z.string().min(1).max(256).optional(), note: z.string().max(1000).optional() });
/** The flags check the settings themselves. */
const settingsChange = authored.extend({ settings: z.record(z.string(), z.unknown()) });
const modeChange = authored.extend({ mode: z.enum(CIRCUIT_MODES), key: z.string().min(1).max(1024).optional() });

async function setMode(facts: HttpFacts, circuit: ControlledCircuit, sources: RouteSources): Promise<CircuitSnapshot> {
  const { mode, key, author } = await readChange(facts, modeChange, sources);
  if (isRegistry(circuit) !== (key !== undefined)) {
    throw new InputError(
      `key: expected ${isRegistry(circuit) ? "the key of a breaker" : "none"}, got ${key ?? "none"}`,
    );
  }
  const breaker = isRegistry(circuit) ? circuit.get(key ?? "") : circuit;
  const from = breaker.mode;
  breaker.setMode(mode);
  circuitSet.publish(() => ({ breaker: circuit.name, key, from, to: mode, changedBy: author.by, note: author.note }));
  return breaker.snapshot();
}

/** Reads the body of a change, with the author that the application names, or that the body has. */
async function readChange<S extends typeof authored>(
  facts: HttpFacts,
  schema: S,
  { authorOf }: RouteSources,
): Promise<z.output<S> & { readonly author: ControlAuthor }> {
  const change = await readJson(facts, schema);
  if (authorOf !== undefined && change.by !== undefined) throw new InputError("by: expected none, the login names it");
  const by = authorOf === undefined ? change.by : await authorOf(facts);
  if (by === undefined) throw new InputError("by: expected the author of the change, got none");
  return { ...change, author: { by, ...(change.note !== undefined && { note: change.note }) } };
}

function flagList(flags: ControlledFlags): object {
  const settings = Object.keys(flags.definitions).map((key) => [key, flags.settings(key)]);
  return { ...flags.status(), settings: Object.fromEntries(settings) };
}

/** The subject that the query names: `?tenantId=acme&userId=ann&plan=pro`. */
function subjectOf(url: string): Readonly<Record<string, string>> {
  const [, query = ""] = url.split("?", 2);
  const parameters = new URLSearchParams(query);
  return Object.fromEntries(
    ["tenantId", "userId", "plan"].flatMap((name) => {
      const value = parameters.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );
}
