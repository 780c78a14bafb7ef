// Written by scripts/generate/lua.mjs.
import type { Script } from "@scale/core/redis";

/** read.lua */
export const read: Script = {
  name: "read",
  sha1: "d9f4c6bb7cc40606386f3976cae123efbe97a562",
  source: "\n\n\n\n\n\n\n\n\n\n\n\nlocal call, key = redis.call, KEYS[1]\nlocal revision = call(\"HGET\", key, \"revision\")\nif not revision then return { \"absent\" } end\nif revision == ARGV[1] then return { \"unchanged\" } end\nlocal bytes = call(\"HSTRLEN\", key, \"text\")\nif bytes > tonumber(ARGV[2]) then return { \"too-large\", revision, call(\"HGET\", key, \"version\") or \"0\", bytes } end\nlocal fields = call(\"HMGET\", key, \"version\", \"text\", \"changedBy\", \"changedAt\", \"note\")\nlocal reply = { \"document\", revision }\nfor i = 1, 5 do reply[i + 2] = fields[i] or \"\" end\nreturn reply\n",
};

/** write.lua */
export const write: Script = {
  name: "write",
  sha1: "3ca0f42a3aaecabb930f7a80a545a9aacf60e11f",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal call, key = redis.call, KEYS[1]\nlocal revision = call(\"HGET\", key, \"revision\") or \"\"\nif revision == ARGV[2] then return { \"written\", call(\"HGET\", key, \"version\") } end\nif revision ~= ARGV[1] then return { \"conflict\" } end\nlocal version = math.max(tonumber(call(\"HGET\", key, \"version\") or 0), tonumber(ARGV[3])) + 1\nversion = string.format(\"%.0f\", version)\ncall(\"HSET\", key, \"revision\", ARGV[2], \"version\", version, \"text\", ARGV[4])\ncall(\"HSET\", key, \"changedBy\", ARGV[5], \"changedAt\", ARGV[6], \"note\", ARGV[7])\ncall(\"PUBLISH\", ARGV[8], ARGV[2])\nreturn { \"written\", version }\n",
};
