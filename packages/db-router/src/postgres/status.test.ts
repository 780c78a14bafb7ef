import { inject, describe, expect, it } from "vitest";
import { pgNode } from "../pg/index.js";
import { parseStatus, STATUS_SQL } from "./status.js";

const row = {
  standby: "true",
  lsn: "0/2000018",
  timeline: "3",
  system_id: "7710243587112828157",
  version: "180004",
  segment_bytes: "16777216",
  page_bytes: "8192",
};

describe("the status of a server", () => {
  it("has the replayed position of a standby, and the end of the last record of a primary", () => {
    const status = { isStandby: true, lsn: 0x2000018, timeline: 3, systemId: "7710243587112828157", version: 180_004 };
    expect(parseStatus({ rows: [row] })).toEqual(status);
    const onPage = { rows: [{ ...row, standby: "false", lsn: "0/2002018" }] };
    expect(parseStatus(onPage)).toEqual({ ...status, isStandby: false, lsn: 0x2002000 });
  });

  it.each([[[]], [[{ ...row, lsn: null }]], [[{ ...row, timeline: "x" }]], [[{ ...row, lsn: "FFFFFFFF/FFFFFFFF" }]]])(
    "rejects %j",
    (rows) => {
      expect(() => parseStatus({ rows })).toThrow(/^status: /);
    },
  );
});

const urls = [inject("postgresUrl"), inject("postgresReplicaUrl")];

describe.skipIf(urls.includes(""))("the status query", () => {
  it("runs for a role without privileges, on a primary and on a replica", async () => {
    const [primary, replica] = urls.map((url) => new URL(url)) as [URL, URL];
    const admin = pgNode({ name: "admin", config: { connectionString: primary.href, max: 1, min: 0 } });
    await admin.pool.query("DROP ROLE IF EXISTS plain_reader");
    await admin.pool.query("CREATE ROLE plain_reader LOGIN PASSWORD 'plain'");
    for (const url of [primary, replica]) [url.username, url.password] = ["plain_reader", "plain"];
    const [one, two] = [primary, replica].map(({ href: connectionString }, index) =>
      pgNode({ name: `n${index}`, config: { connectionString, max: 1, min: 0 } }),
    );
    await expect.poll(() => two?.probe("SELECT 1", 1_000).then(() => "in", String), { timeout: 5_000 }).toBe("in");
    const [own, other] = await Promise.all(
      [one, two].map(async (node) => parseStatus(await node!.probe(STATUS_SQL, 2_000))),
    );
    expect(own).toMatchObject({ isStandby: false, timeline: 1 });
    expect(other).toMatchObject({ isStandby: true, timeline: 1, systemId: own?.systemId });
    await admin.pool.query("DROP ROLE plain_reader");
    await admin.pool.end();
  });
});
