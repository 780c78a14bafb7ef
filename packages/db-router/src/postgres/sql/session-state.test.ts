import { describe, expect, it } from "vitest";
import { leavesSessionState } from "./session-state.js";

describe("leavesSessionState", () => {
  it.each([
    "SET search_path TO tenant_1",
    "set session characteristics as transaction read only",
    "/* a */ set role app",
    "select 1; set time zone 'UTC'",
    "select set_config('a.b', $1, false)",
    "select set_config('a.b', 'x', true), set_config('a.b', $1, $2)",
    "listen jobs",
    "load 'auto_explain'",
    "prepare p as select 1",
    "declare c cursor with hold for select 1",
    "create temp table t (id int)",
    "create local temporary table t (id int)",
    "select 1 into temp t",
    "select pg_advisory_lock(1)",
    "select pg_try_advisory_lock_shared(1)",
  ])("is true for %s", (text) => {
    expect(leavesSessionState(text)).toBe(true);
  });

  it.each([
    "set local a.b = 'c'",
    "set transaction read only",
    "set constraints all deferred",
    "begin",
    "prepare transaction 'x'",
    "declare c cursor for select 1",
    "select set_config('a.b', $1, true)",
    "select set_config('a.b', 'a''(,b', 'true')",
    "select pg_advisory_xact_lock(1)",
    "update t set a = 1",
    "insert into temp values (1)",
    "insert into t values ('set a = 1; listen b')",
    'update "set" set "listen" = 1',
    "create table t (temp int, set int)",
  ])("is false for %s", (text) => {
    expect(leavesSessionState(text)).toBe(false);
  });
});
