// Written by scripts/generate/lua.mjs.
import type { Script } from "@scale/core/redis";

/** clear-dirty.lua */
export const clearDirty: Script = {
  name: "clear-dirty",
  sha1: "6ceaf45addc027e0075e535e7a118737a06b315b",
  source: "\n\n\n\n\n\n\n\n\nlocal cleared = 0\nfor i = 2, #ARGV do\n  local at = tonumber(redis.call(\"ZSCORE\", KEYS[1], ARGV[i]))\n  if at and at <= tonumber(ARGV[1]) then cleared = cleared + redis.call(\"ZREM\", KEYS[1], ARGV[i]) end\nend\nreturn cleared\n",
};

/** commit.lua */
export const commit: Script = {
  name: "commit",
  sha1: "ddf6c187881f6facfa87d72f214f6eac9324f241",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal text = function(n) return string.format(\"%.0f\", n) end\nlocal now = tonumber(ARGV[1])\nif not now then\n  local time = redis.call(\"TIME\")\n  now = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal at = {tonumber(ARGV[6]), tonumber(ARGV[7])}\nlocal id, units, over, max = ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])\nlocal state = redis.call(\"HMGET\", KEYS[1], \"base\", \"own\", \"held\", \"reached\", \"epoch\")\nif ARGV[10] == \"1\" and not state[5] then return {-1} end\nlocal used = (tonumber(state[1]) or 0) + (tonumber(state[2]) or 0)\nlocal held, reached = tonumber(state[3]), tonumber(state[4]) or 0\n\nlocal function sum(members)\n  local units = 0\n  for i = 1, #members do units = units + tonumber(string.match(members[i], \"^%d+\")) end\n  return units\nend\n\n\nlocal gone = redis.call(\"ZRANGEBYSCORE\", KEYS[2], \"-inf\", text(now))\nif #gone > 0 then redis.call(\"ZREMRANGEBYSCORE\", KEYS[2], \"-inf\", text(now)) end\nif not held then\n  held = sum(redis.call(\"ZRANGE\", KEYS[2], 0, -1))\nelseif held > 0 then\n  held = redis.call(\"EXISTS\", KEYS[2]) == 1 and held - sum(gone) or 0\n  redis.call(\"HSET\", KEYS[1], \"held\", text(held))\nend\n\nlocal known = redis.call(\"GET\", KEYS[3])\nlocal recorded, late = string.match(known or \"\", \"^c:(%d+):(%d)\")\nif recorded then return {2, tonumber(recorded), used, held, tonumber(late), 0} end\n\nlocal reserved = tonumber(string.match(known or \"\", \"^[hr]:(%d+)\")) or units\nlocal member = text(reserved) .. \":\" .. id\nlocal isHeld = redis.call(\"ZSCORE\", KEYS[2], member) and true or false\nlate = isHeld and 0 or 1\nlocal promised = math.min(units, reserved)\nlocal others = isHeld and held - reserved or held\nlocal room, excess = math.max(0, max - used - others - promised), units - promised\nif excess > room and over == \"reject\" then\n  return {0, 0, used, held, late, 0}\nend\nrecorded = promised + (over == \"overflow\" and excess or math.min(excess, room))\nrecorded = math.max(0, math.min(recorded, 4503599627370496 - used))\n\nlocal new = 0\nused = used + recorded\nif recorded > 0 then\n  redis.call(\"HINCRBY\", KEYS[1], \"own\", text(recorded))\n  redis.call(\"HINCRBY\", KEYS[1], \"version\", 1)\n  for t = 1, 2 do\n    if used >= at[t] and math.floor(reached / t) % 2 == 0 then new = new + t end\n  end\nend\nif isHeld then redis.call(\"ZREM\", KEYS[2], member) end\nredis.call(\"HSET\", KEYS[1], \"held\", text(others), \"reached\", text(reached + new))\nredis.call(\"PEXPIRE\", KEYS[1], ARGV[8])\nredis.call(\"SET\", KEYS[3], \"c:\" .. text(recorded) .. \":\" .. late, \"PX\", ARGV[9])\nreturn {1, recorded, used, others, late, new}\n",
};

/** correct.lua */
export const correct: Script = {
  name: "correct",
  sha1: "3c5008390f720f52f113d2c5737a236bc4ba397c",
  source: "\n\n\n\n\n\n\n\n\n\n\n\nlocal state = redis.call(\"HMGET\", KEYS[1], \"epoch\", \"base\")\nif state[1] ~= ARGV[1] or state[2] ~= ARGV[2] then return 0 end\nredis.call(\"HINCRBY\", KEYS[1], \"base\", ARGV[3])\nreturn 1\n",
};

/** dirty.lua */
export const dirty: Script = {
  name: "dirty",
  sha1: "4e2c1e6beb01dbe9dbfd642f850b214d805bea80",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\nif ARGV[3] ~= \"\" and not redis.call(\"SET\", KEYS[2], \"1\", \"NX\", \"PX\", ARGV[3]) then return {} end\nlocal now = tonumber(ARGV[1])\nif not now then\n  local time = redis.call(\"TIME\")\n  now = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal before = string.format(\"%.0f\", now - tonumber(ARGV[2]))\nreturn {now, unpack(redis.call(\"ZRANGEBYSCORE\", KEYS[1], \"-inf\", before, \"LIMIT\", 0, ARGV[4]))}\n",
};

/** hydrate.lua */
export const hydrate: Script = {
  name: "hydrate",
  sha1: "6dfbfec286409d8b26267bc588fc88de344700ea",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\nlocal given = 0\nfor i = 1, #KEYS do\n  if redis.call(\"HSETNX\", KEYS[i], \"epoch\", ARGV[1]) == 1 then\n    redis.call(\"HINCRBY\", KEYS[i], \"base\", ARGV[i * 3 - 1])\n    redis.call(\"HSETNX\", KEYS[i], \"reached\", ARGV[i * 3])\n    redis.call(\"PEXPIRE\", KEYS[i], ARGV[i * 3 + 1])\n    given = given + 1\n  end\nend\nreturn given\n",
};

/** mark-dirty.lua */
export const markDirty: Script = {
  name: "mark-dirty",
  sha1: "0f896a52df1ef2c346399727a871ebee8bf2f37b",
  source: "\n\n\n\n\n\n\n\n\n\n\nlocal now = ARGV[1]\nif now == \"\" then\n  local time = redis.call(\"TIME\")\n  now = string.format(\"%.0f\", time[1] * 1000 + math.floor(time[2] / 1000))\nend\nfor i = 3, #ARGV do redis.call(\"ZADD\", KEYS[1], now, ARGV[i]) end\nredis.call(\"PEXPIRE\", KEYS[1], ARGV[2])\nreturn 1\n",
};

/** mark-flushed.lua */
export const markFlushed: Script = {
  name: "mark-flushed",
  sha1: "68904e3d2373e4492c797c5463064ba575d8bd86",
  source: "\n\n\n\n\n\n\n\n\n\nlocal reply = {}\nfor i = 1, #KEYS do\n  local epoch, written, units = ARGV[i * 3 - 2], tonumber(ARGV[i * 3 - 1]), tonumber(ARGV[i * 3])\n  local state = redis.call(\"HMGET\", KEYS[i], \"epoch\", \"own\", \"version\", \"flushed\")\n  local own, version, flushed = tonumber(state[2]) or 0, tonumber(state[3]) or 0, tonumber(state[4]) or 0\n  local more, added = 0, 0\n  if state[1] == epoch then\n    if version < written or (version == written and own ~= units) then\n      added = math.max(0, units - own)\n      version = written + 1\n      redis.call(\"HINCRBY\", KEYS[i], \"own\", string.format(\"%.0f\", added))\n      redis.call(\"HSET\", KEYS[i], \"version\", string.format(\"%.0f\", version))\n    end\n    if flushed < written then redis.call(\"HSET\", KEYS[i], \"flushed\", string.format(\"%.0f\", written)) end\n    if version > written then more = 1 end\n  elseif state[1] then\n    more = 2\n  end\n  reply[i * 2 - 1], reply[i * 2] = more, added\nend\nreturn reply\n",
};

/** progress.lua */
export const progress: Script = {
  name: "progress",
  sha1: "c9fccb7abf6bbd3bca09e7b1cb42b517489ebbb8",
  source: "\n\n\n\n\n\n\n\nlocal reply = {}\nfor i = 1, #KEYS do\n  local state = redis.call(\"HMGET\", KEYS[i], \"epoch\", \"base\", \"own\", \"version\", \"flushed\")\n  for j = 1, 5 do reply[i * 5 - 5 + j] = state[j] or \"\" end\nend\nreturn reply\n",
};

/** read.lua */
export const read: Script = {
  name: "read",
  sha1: "dcab4765b2d783dd257ccdedd5ad3016b54ac237",
  source: "\n\n\n\n\n\n\n\n\nlocal now = tonumber(ARGV[1])\nif not now then\n  local time = redis.call(\"TIME\")\n  now = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal at = string.format(\"%.0f\", now)\n\nlocal function sum(members)\n  local units = 0\n  for i = 1, #members do units = units + tonumber(string.match(members[i], \"^%d+\")) end\n  return units\nend\n\nlocal reply = {now}\nfor i = 1, #KEYS / 2 do\n  local state, holds = redis.call(\"HMGET\", KEYS[i * 2 - 1], \"base\", \"own\", \"held\", \"epoch\"), KEYS[i * 2]\n  local held = tonumber(state[3])\n  if not held then\n    held = sum(redis.call(\"ZRANGEBYSCORE\", holds, \"(\" .. at, \"+inf\"))\n  elseif held > 0 then\n    held = redis.call(\"EXISTS\", holds) == 1 and held - sum(redis.call(\"ZRANGEBYSCORE\", holds, \"-inf\", at)) or 0\n  end\n  reply[i * 3 - 1] = state[4] and 1 or 0\n  reply[i * 3] = (tonumber(state[1]) or 0) + (tonumber(state[2]) or 0)\n  reply[i * 3 + 1] = held\nend\nreturn reply\n",
};

/** release.lua */
export const release: Script = {
  name: "release",
  sha1: "c74637605abb5d2484879dc4c0583d3a8bfd550c",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal now = tonumber(ARGV[1])\nif not now then\n  local time = redis.call(\"TIME\")\n  now = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal units = string.match(redis.call(\"GET\", KEYS[3]) or \"\", \"^h:(%d+)\")\nlocal member = units and units .. \":\" .. ARGV[2]\nlocal expiry = member and tonumber(redis.call(\"ZSCORE\", KEYS[2], member))\nif not expiry or expiry <= now then return 0 end\nredis.call(\"ZREM\", KEYS[2], member)\nlocal held = tonumber(redis.call(\"HGET\", KEYS[1], \"held\"))\nif held then redis.call(\"HSET\", KEYS[1], \"held\", string.format(\"%.0f\", math.max(0, held - units))) end\nredis.call(\"SET\", KEYS[3], \"r:\" .. units, \"PX\", ARGV[3])\nreturn 1\n",
};

/** reserve.lua */
export const reserve: Script = {
  name: "reserve",
  sha1: "c77f3acf574d381aa50216db3d606ae5006015f7",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal text = function(n) return string.format(\"%.0f\", n) end\nlocal now = tonumber(ARGV[1])\nif not now then\n  local time = redis.call(\"TIME\")\n  now = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal id, ttl, keep = ARGV[2], tonumber(ARGV[3]), ARGV[4]\nlocal counts, missing = {}, {-1}\n\nfor i = 1, #KEYS / 3 do\n  local a = i * 5\n  local state = redis.call(\"HMGET\", KEYS[i * 3 - 2], \"base\", \"own\", \"held\", \"reached\", \"epoch\")\n  if ARGV[5] == \"1\" and not state[5] then missing[#missing + 1] = i end\n  counts[i] = {\n    state = KEYS[i * 3 - 2], holds = KEYS[i * 3 - 1], record = KEYS[i * 3],\n    units = tonumber(ARGV[a + 1]), max = tonumber(ARGV[a + 2]),\n    at = {tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4])}, kept = ARGV[a + 5],\n    used = (tonumber(state[1]) or 0) + (tonumber(state[2]) or 0),\n    held = tonumber(state[3]), reached = tonumber(state[4]) or 0, new = 0,\n  }\nend\nif #missing > 1 then return missing end\n\nlocal function sum(members)\n  local units = 0\n  for i = 1, #members do units = units + tonumber(string.match(members[i], \"^%d+\")) end\n  return units\nend\n\n\nlocal function expire(count)\n  local gone = redis.call(\"ZRANGEBYSCORE\", count.holds, \"-inf\", text(now))\n  local before = count.held\n  if #gone > 0 then redis.call(\"ZREMRANGEBYSCORE\", count.holds, \"-inf\", text(now)) end\n  if not before then\n    count.held = sum(redis.call(\"ZRANGE\", count.holds, 0, -1))\n  elseif before > 0 then\n    count.held = redis.call(\"EXISTS\", count.holds) == 1 and before - sum(gone) or 0\n  end\n  if before and count.held ~= before then redis.call(\"HSET\", count.state, \"held\", text(count.held)) end\nend\n\nlocal admitted = 1\nfor i = 1, #counts do\n  local count = counts[i]\n  expire(count)\n  local known = id ~= \"\" and redis.call(\"GET\", count.record)\n  local units = known and string.match(known, \"^h:(%d+)\")\n  if known and (not units or redis.call(\"ZSCORE\", count.holds, units .. \":\" .. id)) then\n    count.status = 2\n  elseif count.used + count.held + count.units <= count.max then\n    count.status = 1\n  else\n    count.status = 0\n    admitted = 0\n  end\nend\n\nlocal function write(count)\n  if ttl > 0 then\n    count.held = count.held + count.units\n    redis.call(\"ZADD\", count.holds, text(now + ttl), text(count.units) .. \":\" .. id)\n    redis.call(\"PEXPIRE\", count.holds, count.kept)\n    redis.call(\"HSET\", count.state, \"held\", text(count.held))\n  else\n    count.used = count.used + count.units\n    redis.call(\"HINCRBY\", count.state, \"own\", text(count.units))\n    redis.call(\"HINCRBY\", count.state, \"version\", 1)\n    for t = 1, 2 do\n      if count.used >= count.at[t] and math.floor(count.reached / t) % 2 == 0 then count.new = count.new + t end\n    end\n    redis.call(\"HSET\", count.state, \"held\", text(count.held), \"reached\", text(count.reached + count.new))\n  end\n  redis.call(\"PEXPIRE\", count.state, count.kept)\n  if id ~= \"\" then\n    redis.call(\"SET\", count.record, (ttl > 0 and \"h:\" or \"c:\") .. text(count.units) .. (ttl > 0 and \"\" or \":0\"), \"PX\", keep)\n  end\nend\n\nlocal reply = {admitted}\nfor i = 1, #counts do\n  local count = counts[i]\n  if admitted == 1 and count.status == 1 then write(count) end\n  reply[i * 4 - 2], reply[i * 4 - 1], reply[i * 4], reply[i * 4 + 1] = count.status, count.used, count.held, count.new\nend\nreturn reply\n",
};
