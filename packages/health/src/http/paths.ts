export interface HealthPaths {
  /** @default "/livez" */
  readonly live?: string;
  /** @default "/readyz" */
  readonly ready?: string;
  /** @default "/startupz" */
  readonly startup?: string;
  /** Groups are below it: `/api/health/database`. @default "/api/health" */
  readonly report?: string;
}

export type Target =
  | { readonly is: "live" | "ready" | "startup" }
  /** `group` is `undefined` for all checks. */
  | { readonly is: "report"; readonly group: string | undefined };

/** The path of a request, without its query and one slash at the end. */
export function pathOf(url: string): string {
  const [path = ""] = url.split("?", 1);
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

/** @returns `undefined` for a path that is no probe */
export function targetOf(path: string, { live, ready, startup, report }: Required<HealthPaths>): Target | undefined {
  if (path === live) return { is: "live" };
  if (path === ready) return { is: "ready" };
  if (path === startup) return { is: "startup" };
  if (path === report) return { is: "report", group: undefined };
  const prefix = report === "/" ? "/" : `${report}/`;
  if (!path.startsWith(prefix)) return undefined;
  const group = decode(path.slice(prefix.length));
  return group === undefined ? undefined : { is: "report", group };
}

function decode(segment: string): string | undefined {
  try {
    return segment.includes("/") ? undefined : decodeURIComponent(segment);
  } catch {
    // A malformed escape is the name of no group.
    return undefined;
  }
}
