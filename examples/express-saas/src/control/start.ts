import { startDaemon } from "@scale/testkit";

export interface Control {
  readonly url: string;
  stop(): Promise<void>;
}

const ADDRESS = /^control (http:\/\/\S+)$/m;

/**
 * Starts the app without the packages, in a process that never outlives this one.
 * @param program path of the built `control/main.ts`
 */
export async function startControl(
  program: string,
  env: { readonly databaseUrl: string; readonly ratesUrl: string },
): Promise<Control> {
  const daemon = await startDaemon(process.execPath, {
    args: [program],
    ready: ADDRESS,
    env: { ...process.env, DATABASE_URL: env.databaseUrl, RATES_URL: env.ratesUrl },
  });
  const [, url = ""] = ADDRESS.exec(daemon.output()) ?? [];
  return { url, stop: () => daemon.stop("SIGKILL") };
}
