import { describe, expect, it } from "vitest";
import { createPaginatedResponse, extractPaginationParams } from "./index.js";

describe("extractPaginationParams", () => {
  it.each([
    [{}, { page: 1, limit: 50, offset: 0 }],
    [
      { page: "3", limit: "20" },
      { page: 3, limit: 20, offset: 40 },
    ],
    [
      { page: 2, limit: 1e9 },
      { page: 2, limit: 100, offset: 100 },
    ],
    [new URLSearchParams("page=2&limit=10"), { page: 2, limit: 10, offset: 10 }],
  ])("reads %j", (query, params) => {
    expect(extractPaginationParams(query)).toEqual(params);
  });

  it.each([0, -1, Number.NaN, "1.5", "10; drop", ["5"], ""])("throws for the page and the limit %j", (value) => {
    for (const name of ["page", "limit"]) {
      expect(() => extractPaginationParams({ [name]: value })).toThrow(
        expect.objectContaining({ code: "SCALE_INPUT", status: 400 }),
      );
    }
  });

  it("applies maxOffset", () => {
    expect(extractPaginationParams({ page: 201, limit: 50 }).offset).toBe(10_000);
    expect(() => extractPaginationParams({ page: 202, limit: 50 })).toThrow("page: expected at most 201");
    expect(extractPaginationParams({ page: 202 }, { maxOffset: 20_000 }).offset).toBe(10_050);
  });

  it("applies the sizes of the options", () => {
    expect(extractPaginationParams({}, { defaultSize: 10 }).limit).toBe(10);
    expect(extractPaginationParams({ limit: 400 }, { maxSize: 300 }).limit).toBe(300);
    expect(extractPaginationParams({}, { maxSize: 30 }).limit).toBe(30);
    expect(() => extractPaginationParams({}, { maxSize: 0 })).toThrow(
      expect.objectContaining({ code: "SCALE_CONFIG" }),
    );
  });
});

describe("createPaginatedResponse", () => {
  it.each([
    [1, 0, { totalPages: 0, hasNextPage: false, hasPreviousPage: false }],
    [1, 20, { totalPages: 1, hasNextPage: false, hasPreviousPage: false }],
    [1, 21, { totalPages: 2, hasNextPage: true, hasPreviousPage: false }],
    [2, 41, { totalPages: 3, hasNextPage: true, hasPreviousPage: true }],
    [3, 41, { totalPages: 3, hasNextPage: false, hasPreviousPage: true }],
    [9, 41, { totalPages: 3, hasNextPage: false, hasPreviousPage: true }],
  ])("describes page %i of %i rows", (page, total, expected) => {
    expect(createPaginatedResponse(["a"], page, 20, total)).toEqual({
      data: ["a"],
      pagination: { page, limit: 20, total, ...expected },
    });
  });

  it.each([
    [0, 20, 5],
    [1, 0, 5],
    [1, 20, -1],
    [1, 20, Number.NaN],
    [1.5, 20, 5],
  ])("throws for page %d, limit %d, total %d", (page, limit, total) => {
    expect(() => createPaginatedResponse([], page, limit, total)).toThrow(TypeError);
  });
});
