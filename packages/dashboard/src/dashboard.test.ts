import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { busyMinute } from "../test/source.js";
import { createDashboard } from "./dashboard.js";
import { dashboardRoutes } from "./fetch.js";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "performance"] }));
afterEach(() => void vi.useRealTimers());

it("goes on after a source that hangs: viewers are told after five seconds, and get the next message", async () => {
  const answers = [new Promise<never>(() => undefined), busyMinute];
  const dashboard = createDashboard({ source: { read: () => answers.shift() ?? busyMinute }, authorize: () => true });
  const response = await dashboardRoutes(dashboard)(new Request("http://localhost/scale/events"));
  const reader = response.body?.getReader();
  const next = async (): Promise<string> => new TextDecoder().decode((await reader?.read())?.value);
  expect(await next()).toBe("retry: 2000\n\n");
  await vi.advanceTimersByTimeAsync(5_100);
  expect(await next()).toBe("event: unavailable\ndata:\n\n");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await next()).toMatch(/^data: \{"dependencies"/);
  dashboard.close();
});
