/// <reference lib="dom" />
// The types of playwright-core need it; for their sake alone this is a door of its own.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { startDaemon } from "./process/daemon.js";
import { makeTempFolder, removeTempFolder } from "./process/watchdog.js";
import { ServerError } from "./server-error.js";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

const FLAGS = [
  "--headless",
  "--no-sandbox", // Containers give it no namespaces. It loads the pages of tests only.
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-breakpad",
  "--no-first-run",
];

export type BrowserLaunch =
  | { readonly is: "running"; readonly browser: Browser; readonly pid: number; close(): Promise<void> }
  /** `reason` is one line, for `ctx.skip(reason)`. */
  | { readonly is: "missing"; readonly reason: string };

/**
 * The path of a Chromium or Chrome; `undefined` when there is none. Looks at `CHROMIUM_PATH`, then along PATH.
 * @throws {ServerError} when `CHROMIUM_PATH` is not a program: a typo must not skip tests
 */
export function findChromium(): string | undefined {
  const asked = process.env["CHROMIUM_PATH"];
  if (asked) {
    if (!isProgram(asked)) throw new ServerError(`CHROMIUM_PATH is ${asked}, which is not a program`);
    return asked;
  }
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

/**
 * Starts a headless browser with a profile of its own. It never outlives this process.
 * @throws {ServerError} when there is no browser and CI is "true", or when it does not start
 */
export async function launchBrowser(): Promise<BrowserLaunch> {
  const program = findChromium();
  if (program === undefined) {
    const reason = "no Chromium found: install chromium (apt, brew) or set CHROMIUM_PATH to a program";
    if (process.env["CI"] === "true") throw new ServerError(reason);
    return { is: "missing", reason };
  }
  const profile = makeTempFolder("browser");
  try {
    const daemon = await startDaemon(program, {
      args: [...FLAGS, `--user-data-dir=${profile}`, "--remote-debugging-port=0", "about:blank"],
      // Chromium writes some files outside the profile, by HOME and XDG paths: those go into the folder too.
      env: { ...process.env, HOME: profile, XDG_CONFIG_HOME: profile, XDG_CACHE_HOME: profile, TMPDIR: profile },
      ready: ENDPOINT,
      timeoutMs: 30_000,
    });
    const close = async (): Promise<void> => {
      await daemon.stop("SIGKILL");
      await removeTempFolder(profile);
    };
    const [, endpoint = ""] = ENDPOINT.exec(daemon.output()) ?? [];
    const browser = await chromium.connectOverCDP(endpoint).catch(async (error: unknown) => {
      await daemon.stop("SIGKILL");
      throw error;
    });
    return { is: "running", browser, pid: daemon.pid, close };
  } catch (error) {
    await removeTempFolder(profile);
    throw error;
  }
}

const ENDPOINT = /DevTools listening on (ws:\/\/\S+)/;

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
