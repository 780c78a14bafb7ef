import { PING } from "./script.js";
import { createScriptRunner, type ScriptRunnerOptions } from "./runner.js";

/**
 * Resolves when the server answers a script. For start-up and readiness probes.
 * @throws {TimeoutError | StoreError} when it does not answer
 */
export async function pingRedis(options: ScriptRunnerOptions): Promise<void> {
  await createScriptRunner(options).run(PING, { keys: ["scale:ping"], args: [] });
}
