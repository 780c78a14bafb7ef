import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { endOfRecord, formatLsn, parseLsn } from "./lsn.js";

fc.configureGlobal({ seed: 20_261_120 });
const geometry = { segmentBytes: 16 * 1024 * 1024, pageBytes: 8192 };

describe("positions in the log", () => {
  it("are parsed as PostgreSQL writes them", () => {
    expect(parseLsn("0/174B4F0")).toBe(0x174b4f0);
    expect(parseLsn("1F/A0")).toBe(0x1f * 2 ** 32 + 0xa0);
    expect(formatLsn(0x1f * 2 ** 32 + 0xa0)).toBe("1F/A0");
  });

  it("survive a round trip, and keep their order", () => {
    const lsn = fc.nat({ max: Number.MAX_SAFE_INTEGER });
    fc.assert(fc.property(lsn, (a) => parseLsn(formatLsn(a)) === a));
  });

  it.each(["", "0", "0/", "/0", "0/G", "-1/0", "0/123456789", "FFFFFFFF/FFFFFFFF", "0/0 "])("are not %j", (text) => {
    expect(parseLsn(text)).toBeUndefined();
  });

  it("end before the header of the page that the next record would be on", () => {
    expect(endOfRecord(8192 * 3 + 24, geometry)).toBe(8192 * 3);
    expect(endOfRecord(geometry.segmentBytes * 2 + 40, geometry)).toBe(geometry.segmentBytes * 2);
    expect(endOfRecord(8192 * 3 + 40, geometry)).toBe(8192 * 3 + 40);
    expect(endOfRecord(8192 * 3 + 32, geometry)).toBe(8192 * 3 + 32);
  });

  it("follow the page and segment size of the server", () => {
    expect(endOfRecord(1024 * 1024 + 40, { segmentBytes: 1024 * 1024, pageBytes: 8192 })).toBe(1024 * 1024);
    expect(endOfRecord(1024 * 1024 + 40, geometry)).toBe(1024 * 1024 + 40);
  });
});
