// Written by scripts/generate/lua.mjs.
import type { Script } from "@scale/core/redis";

/** cancel.lua */
export const cancel: Script = {
  name: "cancel",
  sha1: "c87676e01a85284ec4695a29dd28e5c954bed690",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal text = function(n) return string.format(\"%.0f\", n) end\nlocal id, call, keep, record = ARGV[1], ARGV[2], ARGV[3], KEYS[#KEYS]\n\nlocal function unuse(state, units)\n  if units == \"0\" or redis.call(\"HEXISTS\", state, \"own\") == 0 then return end\n  redis.call(\"HINCRBY\", state, \"own\", \"-\" .. units)\n  redis.call(\"HINCRBY\", state, \"version\", 1)\nend\n\nif id == \"\" then\n  local before = redis.call(\"GET\", record)\n  redis.call(\"SET\", record, \"x\", \"PX\", keep)\n  if before ~= \"1\" then return {0} end\n  for i = 1, (#KEYS - 1) / 2 do unuse(KEYS[i * 2 - 1], ARGV[i * 3 + 2]) end\n  return {1}\nend\n\nlocal fields = {\"calls\", \"gone\"}\nfor i = 1, (#KEYS - 1) / 2 do fields[i + 2] = \"m:\" .. ARGV[i * 3 + 1] end\nlocal known = redis.call(\"HMGET\", record, unpack(fields))\nlocal calls, gone = known[1] or \"\", known[2] or \"\"\nif not string.find(gone, call .. \" \", 1, true) then\n\n  redis.call(\"HSET\", record, \"gone\", string.sub(gone .. call .. \" \", -200))\nend\nif redis.call(\"PTTL\", record) < tonumber(keep) then redis.call(\"PEXPIRE\", record, keep) end\nlocal from, to = string.find(calls, call .. \" \", 1, true)\nif not from then return {0} end\ncalls = string.sub(calls, 1, from - 1) .. string.sub(calls, to + 1)\nredis.call(\"HSET\", record, \"calls\", calls)\nif calls ~= \"\" then return {0} end\n\nlocal taken = 0\nfor i = 1, (#KEYS - 1) / 2 do\n  local state, holds, field = KEYS[i * 2 - 1], KEYS[i * 2], fields[i + 2]\n  local is, units, period = string.match(known[i + 2] or \"\", \"^(%a):(%d+):%d+:%d:(.*)$\")\n  if period == ARGV[i * 3 + 3] and (is == \"h\" or is == \"u\") then\n    if is == \"u\" then\n      unuse(state, units)\n    elseif redis.call(\"ZREM\", holds, units .. \":\" .. id) == 1 then\n      local held = tonumber(redis.call(\"HGET\", state, \"held\"))\n      if held then redis.call(\"HSET\", state, \"held\", text(math.max(0, held - units))) end\n    end\n    redis.call(\"HDEL\", record, field)\n    taken = 1\n  end\nend\nreturn {taken}\n",
};

/** clear-dirty.lua */
export const clearDirty: Script = {
  name: "clear-dirty",
  sha1: "6ceaf45addc027e0075e535e7a118737a06b315b",
  source: "\n\n\n\n\n\n\n\n\nlocal cleared = 0\nfor i = 2, #ARGV do\n  local at = tonumber(redis.call(\"ZSCORE\", KEYS[1], ARGV[i]))\n  if at and at <= tonumber(ARGV[1]) then cleared = cleared + redis.call(\"ZREM\", KEYS[1], ARGV[i]) end\nend\nreturn cleared\n",
};

/** commit.lua */
export const commit: Script = {
  name: "commit",
  sha1: "7914a6a6edf954b04f1c320ed4c3860cbd5c6dd8",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal text = function(n) return string.format(\"%.0f\", n) end\nlocal now = tonumber(ARGV[1])\nif not now then\n  local time = redis.call(\"TIME\")\n  now = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal id, units, over, max, keep, period = ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5]), ARGV[7], ARGV[10]\nlocal state = redis.call(\"HMGET\", KEYS[1], \"base\", \"own\", \"held\", \"reached\", \"epoch\", \"version\")\nif ARGV[8] == \"1\" and not state[5] then return {-1} end\nlocal own, version = tonumber(state[2]) or 0, tonumber(state[6]) or 0\nlocal used = (tonumber(state[1]) or 0) + own\nlocal held, reached = tonumber(state[3]), tonumber(state[4]) or 0\n\nlocal function sum(members)\n  local units = 0\n  for i = 1, #members do units = units + tonumber(string.match(members[i], \"^%d+\")) end\n  return units\nend\n\n\nlocal gone = redis.call(\"ZRANGEBYSCORE\", KEYS[2], \"-inf\", text(now))\nif #gone > 0 then redis.call(\"ZREMRANGEBYSCORE\", KEYS[2], \"-inf\", text(now)) end\nif not held then\n  held = sum(redis.call(\"ZRANGE\", KEYS[2], 0, -1))\nelseif held > 0 then\n  held = redis.call(\"EXISTS\", KEYS[2]) == 1 and held - sum(gone) or 0\n  redis.call(\"HSET\", KEYS[1], \"held\", text(held))\nend\n\nlocal field = \"m:\" .. ARGV[9]\nlocal is, reserved, recorded, late = string.match(redis.call(\"HGET\", KEYS[3], field) or \"\", \"^(%a):(%d+):(%d+):(%d)\")\nif is == \"c\" or is == \"u\" then return {2, tonumber(recorded), used, held, tonumber(late), reached} end\n\nreserved = tonumber(reserved) or units\nlocal member = text(reserved) .. \":\" .. id\nlocal isHeld = is == \"h\" and redis.call(\"ZSCORE\", KEYS[2], member) and true or false\nlate = isHeld and 0 or 1\nlocal promised = math.min(units, reserved)\nlocal others = isHeld and held - reserved or held\nlocal room, excess = math.max(0, max - used - others - promised), units - promised\nif excess > room and over == \"reject\" then\n  return {0, 0, used, held, late, reached}\nend\nrecorded = promised + (over == \"overflow\" and excess or math.min(excess, room))\nrecorded = math.max(0, math.min(recorded, 4503599627370496 - used))\n\nlocal published = reached\nused = used + recorded\nif recorded > 0 then\n  for t = 11, #ARGV, 2 do\n    if used >= tonumber(ARGV[t]) then reached = math.max(reached, tonumber(ARGV[t + 1])) end\n  end\n  redis.call(\"HSET\", KEYS[1], \"own\", text(own + recorded), \"version\", text(version + 1), \"held\", text(others),\n    \"reached\", text(reached))\nelse\n  redis.call(\"HSET\", KEYS[1], \"held\", text(others))\nend\nif isHeld then redis.call(\"ZREM\", KEYS[2], member) end\nredis.call(\"PEXPIRE\", KEYS[1], ARGV[6])\nredis.call(\"HSET\", KEYS[3], field, \"c:\" .. text(reserved) .. \":\" .. text(recorded) .. \":\" .. late .. \":\" .. period)\n\nif redis.call(\"PTTL\", KEYS[3]) < tonumber(keep) then redis.call(\"PEXPIRE\", KEYS[3], keep) end\nreturn {1, recorded, used, others, late, published}\n",
};

/** correct.lua */
export const correct: Script = {
  name: "correct",
  sha1: "3c5008390f720f52f113d2c5737a236bc4ba397c",
  source: "\n\n\n\n\n\n\n\n\n\n\n\nlocal state = redis.call(\"HMGET\", KEYS[1], \"epoch\", \"base\")\nif state[1] ~= ARGV[1] or state[2] ~= ARGV[2] then return 0 end\nredis.call(\"HINCRBY\", KEYS[1], \"base\", ARGV[3])\nreturn 1\n",
};

/** credit.lua */
export const credit: Script = {
  name: "credit",
  sha1: "9507d256bd28031f7cf66c47ac480b4e860a1f5b",
  source: "\n\n\n\n\n\n\n\n\n\n\nlocal field = \"credit:\" .. ARGV[1]\nlocal before = redis.call(\"HGET\", KEYS[1], field)\nif not before then\n  redis.call(\"HSET\", KEYS[1], field, ARGV[2])\n  if ARGV[2] ~= \"0\" then redis.call(\"HINCRBY\", KEYS[1], \"base\", \"-\" .. ARGV[2]) end\n  redis.call(\"PEXPIRE\", KEYS[1], ARGV[3])\nend\nlocal state = redis.call(\"HMGET\", KEYS[1], \"base\", \"own\")\nreturn {tonumber(before) or -1, (tonumber(state[1]) or 0) + (tonumber(state[2]) or 0)}\n",
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
  sha1: "4264181dd38d3eefcafd128b0bd83fa7e0c06183",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal now = tonumber(ARGV[1])\nif not now then\n  local time = redis.call(\"TIME\")\n  now = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal field = \"m:\" .. ARGV[4]\nlocal known = redis.call(\"HMGET\", KEYS[3], field, \"calls\")\nlocal units, rest = string.match(known[1] or \"\", \"^h:(%d+)(:.*)$\")\nif not units then return 0 end\nlocal calls = known[2] or \"*\"\nif ARGV[5] ~= \"\" and calls ~= \"*\" and not string.find(calls, ARGV[5] .. \" \", 1, true) then return 0 end\nlocal member = units .. \":\" .. ARGV[2]\nlocal expiry = tonumber(redis.call(\"ZSCORE\", KEYS[2], member))\nif not expiry or expiry <= now then return 0 end\nredis.call(\"ZREM\", KEYS[2], member)\nlocal held = tonumber(redis.call(\"HGET\", KEYS[1], \"held\"))\nif held then redis.call(\"HSET\", KEYS[1], \"held\", string.format(\"%.0f\", math.max(0, held - units))) end\nredis.call(\"HSET\", KEYS[3], field, \"r:\" .. units .. rest)\nif redis.call(\"PTTL\", KEYS[3]) < tonumber(ARGV[3]) then redis.call(\"PEXPIRE\", KEYS[3], ARGV[3]) end\nreturn 1\n",
};

/** reserve.lua */
export const reserve: Script = {
  name: "reserve",
  sha1: "1ab9ae49bde74c46019ac6bb337b2cecd5d2efc7",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal text = function(n) return string.format(\"%.0f\", n) end\nlocal now = tonumber(ARGV[1])\nif not now then\n  local time = redis.call(\"TIME\")\n  now = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal id, ttl, keep, call, params, record = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[6], ARGV[7], KEYS[#KEYS]\nlocal counts, missing, a = {}, {-1}, 8\n\nfor i = 1, (#KEYS - 1) / 2 do\n  local state = redis.call(\"HMGET\", KEYS[i * 2 - 1], \"base\", \"own\", \"held\", \"reached\", \"epoch\", \"version\")\n  if ARGV[5] == \"1\" and not state[5] then missing[#missing + 1] = i end\n  counts[i] = {\n    state = KEYS[i * 2 - 1], holds = KEYS[i * 2], field = \"m:\" .. ARGV[a],\n    units = tonumber(ARGV[a + 1]), max = tonumber(ARGV[a + 2]), kept = ARGV[a + 3], period = ARGV[a + 4],\n    parts = tonumber(ARGV[a + 5]), at = a + 6, own = tonumber(state[2]) or 0, version = tonumber(state[6]) or 0,\n    used = (tonumber(state[1]) or 0) + (tonumber(state[2]) or 0),\n    held = tonumber(state[3]), reached = tonumber(state[4]) or 0,\n  }\n  a = a + 6 + 2 * counts[i].parts\nend\nif #missing > 1 then return missing end\n\nlocal function sum(members)\n  local units = 0\n  for i = 1, #members do units = units + tonumber(string.match(members[i], \"^%d+\")) end\n  return units\nend\n\n\nlocal function expire(count)\n  local gone = redis.call(\"ZRANGEBYSCORE\", count.holds, \"-inf\", text(now))\n  local before = count.held\n  if #gone > 0 then redis.call(\"ZREMRANGEBYSCORE\", count.holds, \"-inf\", text(now)) end\n  if not before then\n    count.held = sum(redis.call(\"ZRANGE\", count.holds, 0, -1))\n  elseif before > 0 then\n    count.held = redis.call(\"EXISTS\", count.holds) == 1 and before - sum(gone) or 0\n  end\n  if before and count.held ~= before then redis.call(\"HSET\", count.state, \"held\", text(count.held)) end\nend\n\n\nlocal function periodOf(known, count)\n  local is, units, till, period = string.match(known or \"\", \"^(%a):(%d+):(%d+):%d:(.*)$\")\n  if is == \"c\" or is == \"u\" then return period end\n  if is ~= \"h\" or tonumber(till) <= now then return nil end\n  if count and period == count.period and not redis.call(\"ZSCORE\", count.holds, units .. \":\" .. id) then return nil end\n  return period\nend\n\nlocal known, restart = {}, false\nif id ~= \"\" then\n  local fields = {\"params\", \"calls\", \"gone\"}\n  for i = 1, #counts do fields[i + 3] = counts[i].field end\n  known = redis.call(\"HMGET\", record, unpack(fields))\n  if known[3] and string.find(known[3], call .. \" \", 1, true) then return {-2} end\n  if known[1] and known[1] ~= params then\n    local all = redis.call(\"HGETALL\", record)\n    for i = 1, #all, 2 do\n      local count\n      for j = 1, #counts do if counts[j].field == all[i] then count = counts[j] end end\n      if string.sub(all[i], 1, 2) == \"m:\" and periodOf(all[i + 1], count) then return {-3, known[1]} end\n    end\n\n    known, restart = {false, false, known[3]}, true\n  end\nelseif not redis.call(\"SET\", record, \"1\", \"PX\", keep, \"NX\") then\n  if redis.call(\"GET\", record) == \"x\" then return {-2} end\n  for i = 1, #counts do known[i + 3] = \"u:0:0:0:\" .. counts[i].period end\nend\n\nlocal admitted, fresh = 1, 0\nfor i = 1, #counts do\n  local count = counts[i]\n  expire(count)\n  count.elsewhere = periodOf(known[i + 3], count)\n  if count.elsewhere then\n    count.status = 2\n  elseif count.used + count.held + count.units <= count.max then\n    count.status, fresh = 1, fresh + 1\n  else\n    count.status, admitted = 0, 0\n  end\nend\n\nlocal function write(count)\n  if ttl > 0 then\n    count.held = count.held + count.units\n    redis.call(\"ZADD\", count.holds, text(now + ttl), text(count.units) .. \":\" .. id)\n    redis.call(\"PEXPIRE\", count.holds, count.kept)\n    redis.call(\"HSET\", count.state, \"held\", text(count.held))\n  else\n    count.used = count.used + count.units\n    local reached = count.reached\n    for t = count.at, count.at + 2 * count.parts - 1, 2 do\n      if count.used >= tonumber(ARGV[t]) then reached = math.max(reached, tonumber(ARGV[t + 1])) end\n    end\n    redis.call(\"HSET\", count.state, \"own\", text(count.own + count.units), \"version\", text(count.version + 1),\n      \"held\", text(count.held), \"reached\", text(reached))\n  end\n  redis.call(\"PEXPIRE\", count.state, count.kept)\nend\n\n\nlocal function remember()\n  local calls = fresh < #counts and known[2] or \"\"\n  if not (calls == \"*\" or string.find(calls, call .. \" \", 1, true)) then\n    calls = #calls > 200 and \"*\" or calls .. call .. \" \"\n  end\n  local set = {\"params\", params, \"calls\", calls}\n  for i = 1, #counts do\n    local count = counts[i]\n    if count.status == 1 then\n      set[#set + 1] = count.field\n      set[#set + 1] = ttl > 0 and \"h:\" .. text(count.units) .. \":\" .. text(now + ttl) .. \":0:\" .. count.period\n        or \"u:\" .. text(count.units) .. \":\" .. text(count.units) .. \":0:\" .. count.period\n    end\n  end\n  if restart then\n    redis.call(\"DEL\", record)\n    if known[3] then redis.call(\"HSET\", record, \"gone\", known[3]) end\n  end\n  if fresh > 0 or calls ~= known[2] then redis.call(\"HSET\", record, unpack(set)) end\n  if fresh > 0 then redis.call(\"PEXPIRE\", record, keep) end\nend\n\nlocal reply, periods = {admitted}, {}\nfor i = 1, #counts do\n  local count = counts[i]\n  if admitted == 1 and count.status == 1 then write(count) end\n  reply[i * 4 - 2], reply[i * 4 - 1], reply[i * 4], reply[i * 4 + 1] = count.status, count.used, count.held, count.reached\n  periods[i] = count.elsewhere ~= count.period and count.elsewhere or \"\"\nend\nif id == \"\" then\n  if admitted == 0 then redis.call(\"DEL\", record) end\nelse\n  if admitted == 1 then remember() end\n  for i = 1, #periods do reply[#reply + 1] = periods[i] end\nend\nreturn reply\n",
};
