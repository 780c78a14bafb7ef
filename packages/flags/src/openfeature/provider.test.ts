import { type Client, OpenFeature, type Provider, ProviderEvents } from "@openfeature/server-sdk";
import { tenancy } from "@scale/core";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { flagsWith } from "../../test/flags-with.js";
import { bool, defineFlags, flagExpose, int, json, oneOf } from "../index.js";
import { openFeatureProvider } from "./index.js";

const definitions = defineFlags({
  checkout: bool({ default: false }),
  pageSize: int({ default: 50 }),
  theme: oneOf(["light", "dark"], { default: "light" }),
  limits: json(z.object({ rows: z.number() }), { default: { rows: 1 } }),
});

let domains = 0;

/** A client of its own domain, over the provider. */
async function clientOf(provider: Provider): Promise<Client> {
  const domain = `test-${domains++}`;
  await OpenFeature.setProviderAndWait(domain, provider);
  return OpenFeature.getClient(domain);
}

describe("openFeatureProvider", () => {
  afterEach(() => OpenFeature.clearProviders());

  it("resolves values of every type", async () => {
    const flags = await flagsWith(definitions, {
      checkout: { rules: [{}] },
      pageSize: { rules: [{ value: 10 }] },
      theme: { rules: [{ value: "dark" }] },
      limits: { rules: [{ value: { rows: 5 } }] },
    });
    const client = await clientOf(openFeatureProvider(flags));
    expect(await client.getBooleanValue("checkout", false)).toBe(true);
    expect(await client.getNumberValue("pageSize", 0)).toBe(10);
    expect(await client.getStringValue("theme", "")).toBe("dark");
    expect(await client.getObjectValue("limits", {})).toEqual({ rows: 5 });
    await flags.close();
  });

  it("maps the context to a subject, and takes what it lacks from tenancy", async () => {
    const flags = await flagsWith(definitions, {
      checkout: { rules: [{ tenants: ["acme"], users: ["ann"] }] },
      pageSize: { rules: [{ plans: ["pro"], where: [{ attribute: "country", op: "in", values: ["DE"] }], value: 7 }] },
    });
    const client = await clientOf(openFeatureProvider(flags));
    expect(await client.getBooleanValue("checkout", false, { tenantId: "acme", targetingKey: "ann" })).toBe(true);
    expect(
      await client.getBooleanValue("checkout", false, { tenantId: "acme", userId: "bob", targetingKey: "ann" }),
    ).toBe(false);
    const inTenant = tenancy.run({ tenantId: "acme", userId: "ann" }, () => client.getBooleanValue("checkout", false));
    expect(await inTenant).toBe(true);
    expect(await client.getNumberValue("pageSize", 0, { plan: "pro", country: "DE", nested: {} })).toBe(7);
    await flags.close();
    const byName = openFeatureProvider(flags, {
      subject: ({ org, targetingKey: userId }) => ({ tenantId: org === "a" ? "acme" : "globex", userId }),
    });
    const other = await clientOf(byName);
    expect(await other.getBooleanValue("checkout", false, { org: "a", targetingKey: "ann" })).toBe(true);
  });

  it("says why in the words of OpenFeature, and exactly in the metadata", async () => {
    const variants = [{ name: "big", weight: 1, value: 100 }];
    const flags = await flagsWith(definitions, {
      checkout: { killed: true },
      pageSize: { rules: [{ id: "r", variants }] },
      theme: { allow: { users: ["ann"], value: "dark" } },
    });
    const client = await clientOf(openFeatureProvider(flags));
    const context = { tenantId: "acme", targetingKey: "ann" };
    expect(await client.getBooleanDetails("checkout", true, context)).toMatchObject({
      ...{
        value: false,
        reason: "DISABLED",
        flagMetadata: { scaleReason: "KILLED", from: "live", version: 1, isStale: false },
      },
    });
    expect(await client.getNumberDetails("pageSize", 0, context)).toMatchObject({
      ...{ value: 100, reason: "SPLIT", variant: "big", flagMetadata: { rule: "r" } },
    });
    expect(await client.getStringDetails("theme", "", context)).toMatchObject({
      value: "dark",
      reason: "TARGETING_MATCH",
    });
    expect(await client.getObjectDetails("limits", {}, context)).toMatchObject({ reason: "DEFAULT" });
    await flags.close();
  });

  it("answers an unknown flag and another type with the caller's default and the error", async () => {
    const flags = await flagsWith(definitions, {});
    const client = await clientOf(openFeatureProvider(flags));
    for (const key of ["nope", "constructor"]) {
      expect(await client.getBooleanDetails(key, true)).toMatchObject({
        ...{ value: true, reason: "ERROR", errorCode: "FLAG_NOT_FOUND" },
      });
    }
    expect(await client.getStringDetails("pageSize", "x")).toMatchObject({
      ...{ value: "x", reason: "ERROR", errorCode: "TYPE_MISMATCH" },
    });
    await flags.close();
  });

  it("reports changed rules until it is closed", async () => {
    const flags = await flagsWith(definitions, {});
    const client = await clientOf(openFeatureProvider(flags));
    let changes = 0;
    client.addHandler(ProviderEvents.ConfigurationChanged, () => void changes++);
    await flags.kill("checkout", { by: "test" });
    await expect.poll(() => changes).toBe(1);
    await OpenFeature.clearProviders();
    await flags.unkill("checkout", { by: "test" });
    await new Promise(setImmediate);
    expect(changes).toBe(1);
    await flags.close();
  });

  it("publishes exposures", async () => {
    const flags = await flagsWith(definitions, { checkout: { rules: [{ percent: 100 }] } });
    const seen: string[] = [];
    const end = flagExpose.subscribe(({ tenantId, flag }) => void seen.push(`${tenantId} ${flag}`));
    const client = await clientOf(openFeatureProvider(flags));
    await client.getBooleanValue("checkout", false, { tenantId: "acme" });
    end();
    expect(seen).toEqual(["acme checkout"]);
    await flags.close();
  });
});
