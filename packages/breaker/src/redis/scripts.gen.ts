// Written by scripts/generate/lua.mjs.
import type { Script } from "@scale/core/redis";

/** claim-probe.lua */
export const claimProbe: Script = {
  name: "claim-probe",
  sha1: "85eb233ea14dac468e60e3b1d2e0beb08f355376",
  source: "\n\n\n\n\n\n\n\n\n\n\nlocal call = redis.call\nlocal now = tonumber(ARGV[1])\nif not now then\n  local time = call(\"TIME\")\n  now = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal state = call(\"HMGET\", KEYS[1], \"recovered\", \"until\", \"holder\", \"lease\")\nif state[1] then return { 1, 0 } end\nlocal until_ms, lease_ms = tonumber(state[2] or 0), tonumber(state[4] or 0)\nif until_ms > now then return { 0, until_ms - now } end\nif state[3] and state[3] ~= ARGV[2] and lease_ms > now then return { 0, lease_ms - now } end\nlocal lease = math.ceil(tonumber(ARGV[3]))\ncall(\"HSET\", KEYS[1], \"holder\", ARGV[2], \"lease\", string.format(\"%.0f\", now + lease))\nif call(\"PTTL\", KEYS[1]) < lease then call(\"PEXPIRE\", KEYS[1], lease) end\nreturn { 1, 0 }\n",
};

/** read-advice.lua */
export const readAdvice: Script = {
  name: "read-advice",
  sha1: "4526dfcfd8c2083f54af842787bd5d16809cf24d",
  source: "\n\n\n\n\n\n\n\n\n\nlocal now = tonumber(ARGV[1])\nif not now then\n  local time = redis.call(\"TIME\")\n  now = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal from = \"(\" .. string.format(\"%.0f\", now)\nlocal first = redis.call(\"ZRANGEBYSCORE\", KEYS[1], from, \"+inf\", \"WITHSCORES\", \"LIMIT\", 0, 1)\nif not first[2] then return { 0, 0 } end\nlocal wait = math.max(0, tonumber(first[2]) - tonumber(ARGV[2]) - now)\nreturn { redis.call(\"ZCOUNT\", KEYS[1], from, \"+inf\"), wait }\n",
};

/** report-closed.lua */
export const reportClosed: Script = {
  name: "report-closed",
  sha1: "f50fbba7337cb805cc6d19607fd4b81eca4540a0",
  source: "\n\n\n\n\n\n\n\n\n\n\nredis.call(\"ZREM\", KEYS[2], ARGV[1])\nredis.call(\"DEL\", KEYS[1])\nredis.call(\"HSET\", KEYS[1], \"recovered\", \"1\")\nredis.call(\"PEXPIRE\", KEYS[1], ARGV[2])\nreturn 1\n",
};

/** report-open.lua */
export const reportOpen: Script = {
  name: "report-open",
  sha1: "549d5849ce6924434699f2da6570799d5ea112a3",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal call = redis.call\nlocal now = tonumber(ARGV[1])\nif not now then\n  local time = call(\"TIME\")\n  now = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal open, grace = tonumber(ARGV[3]), tonumber(ARGV[4])\nlocal ttl = math.ceil(open + grace)\nif call(\"HGET\", KEYS[1], \"holder\") == ARGV[2] then\n  call(\"HDEL\", KEYS[1], \"holder\", \"lease\")\n  call(\"HSET\", KEYS[1], \"until\", string.format(\"%.0f\", now + math.min(open, tonumber(ARGV[5]))))\nend\ncall(\"HDEL\", KEYS[1], \"recovered\")\ncall(\"ZREMRANGEBYSCORE\", KEYS[2], \"-inf\", string.format(\"%.0f\", now))\ncall(\"ZADD\", KEYS[2], string.format(\"%.0f\", now + ttl), ARGV[2])\nif call(\"PTTL\", KEYS[1]) < ttl then call(\"PEXPIRE\", KEYS[1], ttl) end\nif call(\"PTTL\", KEYS[2]) < ttl then call(\"PEXPIRE\", KEYS[2], ttl) end\nreturn 1\n",
};
