import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Components } from "../components.js";
import { controlProgram } from "../files.js";
import type { Teardown } from "../teardown.js";
import type { RequestComparison } from "../traffic/comparison.js";
import type { TrafficOptions } from "../traffic/traffic.js";
import { startControl } from "./start.js";

export interface ComparisonParts {
  readonly components: Pick<Components, "database">;
  readonly rates: { readonly service: { readonly url: string } };
  readonly live: { readonly comparison: RequestComparison };
  /** @default the program of this build */
  readonly program: string | undefined;
}

/** Starts the app without the packages, on the same database. Without its program there is nothing to compare with. */
export async function startComparison(
  { components, rates, live, program = fileURLToPath(controlProgram) }: ComparisonParts,
  teardown: Teardown,
): Promise<Pick<TrafficOptions, "comparison">> {
  if (!existsSync(program)) return {};
  const { connectionString = "" } = components.database.pool.options;
  const control = await startControl(program, { databaseUrl: connectionString, ratesUrl: rates.service.url });
  teardown.defer(() => control.stop());
  return { comparison: { url: control.url, meters: live.comparison } };
}
