// Written by scripts/generate/lua.mjs.
import type { Script } from "@scale/core/redis";

/** add.lua */
export const add: Script = {
  name: "add",
  sha1: "a5e2e88cb2a5de490f66524f8a358638980e6090",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal last = tonumber(redis.call(\"GET\", KEYS[1]) or \"0\")\nif tonumber(ARGV[1]) <= last then return 0 end\nfor key = 2, 4 do\n  for at = 6, #ARGV, 2 do redis.call(\"HINCRBY\", KEYS[key], ARGV[at], ARGV[at + 1]) end\n  redis.call(\"PEXPIRE\", KEYS[key], ARGV[key])\nend\nredis.call(\"SET\", KEYS[1], ARGV[1], \"PX\", ARGV[5])\nreturn 1\n",
};

/** read.lua */
export const read: Script = {
  name: "read",
  sha1: "84d9032b0a1cb33abb8eef3783fc166ddbb9125e",
  source: "\n\n\n\n\n\n\n\n\nlocal periods = {}\nfor at = 1, #KEYS do periods[at] = redis.call(\"HGETALL\", KEYS[at]) end\nreturn periods\n",
};
