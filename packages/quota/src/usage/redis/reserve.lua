--[[
  Holds units of several counts of one tenant, or uses them at once: of all counts or of none (see ../rules.ts).
  An id that is held, used or committed is admitted again without new units. An id that was released, or whose hold
  expired, is decided anew. A call that was cancelled does nothing. consume.lua is this script without an id.

  KEYS[i]  two for each count, all in one slot:
           hash    base, own      units of earlier epochs, and units committed in the current epoch
                   version        number of changes of `own`
                   held           units of all holds
                   reached        largest part of the limit that was published, in 10,000ths
                   epoch, flushed see hydrate.lua and mark-flushed.lua
                   credit:<id>    units of a credit, see credit.lua
           zset    holds: member "<units>:<id>", score ms since the epoch at which it expires
  KEYS[n]  the last one, in the same slot: hash of the id
                   params         kind of the call, metrics and units
                   calls          names of the calls that were told of the units, each with a blank, "*" for too many
                   gone           names of the calls that were cancelled
                   m:<metric>     "<h held | u used | c committed | r released>:<units>:<ms of expiry | recorded>:
                                  <1 committed late | 0>:<period>"
  ARGV[1]  now     ms since the epoch, or "" for this server's clock (the default outside tests)
  ARGV[2]  id
  ARGV[3]  ttl     ms of the hold, "0" to use the units at once
  ARGV[4]  keep    ms for which the last key is kept
  ARGV[5]  ledger  "1": a count without an epoch is reported and nothing happens; "0": it starts from 0
  ARGV[6]  call    name of this call
  ARGV[7]  params  kind, metrics and units of this call
  ARGV[i]  from the eighth, for each count: units, max, ms from now for which hash and zset are kept, thresholds as
           "<units> <part of the limit in 10,000ths> ...", ascending, metric, period

  Returns {-1, i, ...} with the counts that have no epoch, from 1 | {-2} cancelled | {-3, params} the id has other units |
  {1 admitted | 0, then for each count: 1 had room | 2 knew the id | 0 no room, used, held, part published before,
  then for each count: period that has the units, "" for that of the call}.
  O(counts + expired holds + metrics of the id). Writes admitted units, and drops expired holds. Every key that is written
  expires.
]]
local text = function(n) return string.format("%.0f", n) end
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local id, ttl, keep, call, params, record = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[6], ARGV[7], KEYS[#KEYS]
local counts, missing = {}, {-1}

for i = 1, (#KEYS - 1) / 2 do
  local state, a = redis.call("HMGET", KEYS[i * 2 - 1], "base", "own", "held", "reached", "epoch", "version"), i * 6 + 2
  if ARGV[5] == "1" and not state[5] then missing[#missing + 1] = i end
  counts[i] = {
    state = KEYS[i * 2 - 1], holds = KEYS[i * 2], units = tonumber(ARGV[a]), max = tonumber(ARGV[a + 1]), kept = ARGV[a + 2],
    thresholds = ARGV[a + 3], field = "m:" .. ARGV[a + 4], period = ARGV[a + 5], own = tonumber(state[2]) or 0,
    version = tonumber(state[6]) or 0, used = (tonumber(state[1]) or 0) + (tonumber(state[2]) or 0),
    held = tonumber(state[3]), reached = tonumber(state[4]) or 0,
  }
end
if #missing > 1 then return missing end

local function sum(members)
  local units = 0
  for i = 1, #members do units = units + tonumber(string.match(members[i], "^%d+")) end
  return units
end

-- Drops expired holds. A hash or a zset may have been evicted without the other.
local function expire(count)
  local gone = redis.call("ZRANGEBYSCORE", count.holds, "-inf", text(now))
  local before = count.held
  if #gone > 0 then redis.call("ZREMRANGEBYSCORE", count.holds, "-inf", text(now)) end
  if not before then
    count.held = sum(redis.call("ZRANGE", count.holds, 0, -1))
  elseif before > 0 then
    count.held = redis.call("EXISTS", count.holds) == 1 and before - sum(gone) or 0
  end
  if before and count.held ~= before then redis.call("HSET", count.state, "held", text(count.held)) end
end

-- The period in which a metric of the id is held, used or committed; nil for none. Without a count its zset is unknown.
local function periodOf(known, count)
  local is, units, till, period = string.match(known or "", "^(%a):(%d+):(%d+):%d:(.*)$")
  if is == "c" or is == "u" then return period end
  if is ~= "h" or tonumber(till) <= now then return nil end
  if count and period == count.period and not redis.call("ZSCORE", count.holds, units .. ":" .. id) then return nil end
  return period
end

local fields, restart = {"params", "calls", "gone"}, false
for i = 1, #counts do fields[i + 3] = counts[i].field end
local known = redis.call("HMGET", record, unpack(fields))
if known[3] and string.find(known[3], call .. " ", 1, true) then return {-2} end
if known[1] and known[1] ~= params then
  local all = redis.call("HGETALL", record)
  for i = 1, #all, 2 do
    local count
    for j = 1, #counts do if counts[j].field == all[i] then count = counts[j] end end
    if string.sub(all[i], 1, 2) == "m:" and periodOf(all[i + 1], count) then return {-3, known[1]} end
  end
  -- The id held nothing any more, and is another's now.
  known, restart = {false, false, known[3]}, true
end

local admitted, fresh = 1, 0
for i = 1, #counts do
  local count = counts[i]
  expire(count)
  count.elsewhere = periodOf(known[i + 3], count)
  if count.elsewhere then
    count.status = 2
  elseif count.used + count.held + count.units <= count.max then
    count.status, fresh = 1, fresh + 1
  else
    count.status, admitted = 0, 0
  end
end

local function write(count)
  if ttl > 0 then
    count.held = count.held + count.units
    redis.call("ZADD", count.holds, text(now + ttl), text(count.units) .. ":" .. id)
    redis.call("PEXPIRE", count.holds, count.kept)
    redis.call("HSET", count.state, "held", text(count.held))
  else
    count.used = count.used + count.units
    local reached = count.reached
    for from, part in string.gmatch(count.thresholds, "(%d+) (%d+)") do
      if count.used >= tonumber(from) then reached = math.max(reached, tonumber(part)) end
    end
    redis.call("HSET", count.state, "own", text(count.own + count.units), "version", text(count.version + 1),
      "held", text(count.held), "reached", text(reached))
  end
  redis.call("PEXPIRE", count.state, count.kept)
end

-- Remembers the units of the id, and that this call was told of them.
local function remember()
  local calls = fresh < #counts and known[2] or ""
  if not (calls == "*" or string.find(calls, call .. " ", 1, true)) then
    calls = #calls > 200 and "*" or calls .. call .. " "
  end
  local set = {"params", params, "calls", calls}
  for i = 1, #counts do
    local count = counts[i]
    if count.status == 1 then
      set[#set + 1] = count.field
      set[#set + 1] = ttl > 0 and "h:" .. text(count.units) .. ":" .. text(now + ttl) .. ":0:" .. count.period
        or "u:" .. text(count.units) .. ":" .. text(count.units) .. ":0:" .. count.period
    end
  end
  if restart then
    redis.call("DEL", record)
    if known[3] then redis.call("HSET", record, "gone", known[3]) end
  end
  if fresh > 0 or calls ~= known[2] then redis.call("HSET", record, unpack(set)) end
  if fresh > 0 then redis.call("PEXPIRE", record, keep) end
end

local reply = {admitted}
for i = 1, #counts do
  local count = counts[i]
  if admitted == 1 and count.status == 1 then write(count) end
  reply[i * 4 - 2], reply[i * 4 - 1], reply[i * 4], reply[i * 4 + 1] = count.status, count.used, count.held, count.reached
end
if admitted == 1 then remember() end
for i = 1, #counts do
  local elsewhere = counts[i].elsewhere
  reply[#reply + 1] = elsewhere ~= counts[i].period and elsewhere or ""
end
return reply
