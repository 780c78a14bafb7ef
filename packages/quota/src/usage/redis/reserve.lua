--[[
  Holds units of several counts of one tenant, or uses them at once: of all counts or of none (see ../rules.ts).
  A known id is admitted again without new units, whether it is held, committed or released. An id whose hold expired is
  decided anew.

  KEYS[i]  three for each count, all in one slot:
           hash    base, own      units of earlier epochs, and units committed in the current epoch
                   version        number of changes of `own`
                   held           units of all holds
                   reached        bits of the thresholds that were published
                   epoch, flushed see hydrate.lua and mark-flushed.lua
           zset    holds: member "<units>:<id>", score ms since the epoch at which it expires
           string  state of the id: "h:<units>" held, "c:<units>:<late 0|1>" committed, "r:<units>" released
  ARGV[1]  now     ms since the epoch, or "" for this server's clock (the default outside tests)
  ARGV[2]  id      "" for a use that is not repeated: its string is not written
  ARGV[3]  ttl     ms of the hold, "0" to use the units at once
  ARGV[4]  keep    ms for which the state of the id is kept
  ARGV[5]  ledger  "1": a count without an epoch is reported and nothing happens; "0": it starts from 0
  ARGV[i]  from the sixth, for each count: units, max, units of the two thresholds, 2^52 + 1 for never,
           ms from now for which hash and zset are kept

  Returns {-1, i, ...} with the counts that have no epoch, from 1, or {1 admitted | 0, then for each count:
  1 had room | 2 knew the id | 0 no room, used, held, bits of newly reached thresholds}.
  O(counts + expired holds). Writes admitted units, and drops expired holds. Every key that is written expires.
]]
local text = function(n) return string.format("%.0f", n) end
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call("TIME")
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local id, ttl, keep = ARGV[2], tonumber(ARGV[3]), ARGV[4]
local counts, missing = {}, {-1}

for i = 1, #KEYS / 3 do
  local a = i * 5
  local state = redis.call("HMGET", KEYS[i * 3 - 2], "base", "own", "held", "reached", "epoch")
  if ARGV[5] == "1" and not state[5] then missing[#missing + 1] = i end
  counts[i] = {
    state = KEYS[i * 3 - 2], holds = KEYS[i * 3 - 1], record = KEYS[i * 3],
    units = tonumber(ARGV[a + 1]), max = tonumber(ARGV[a + 2]),
    at = {tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4])}, kept = ARGV[a + 5],
    used = (tonumber(state[1]) or 0) + (tonumber(state[2]) or 0),
    held = tonumber(state[3]), reached = tonumber(state[4]) or 0, new = 0,
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

local admitted = 1
for i = 1, #counts do
  local count = counts[i]
  expire(count)
  local known = id ~= "" and redis.call("GET", count.record)
  local units = known and string.match(known, "^h:(%d+)")
  if known and (not units or redis.call("ZSCORE", count.holds, units .. ":" .. id)) then
    count.status = 2
  elseif count.used + count.held + count.units <= count.max then
    count.status = 1
  else
    count.status = 0
    admitted = 0
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
    redis.call("HINCRBY", count.state, "own", text(count.units))
    redis.call("HINCRBY", count.state, "version", 1)
    for t = 1, 2 do
      if count.used >= count.at[t] and math.floor(count.reached / t) % 2 == 0 then count.new = count.new + t end
    end
    redis.call("HSET", count.state, "held", text(count.held), "reached", text(count.reached + count.new))
  end
  redis.call("PEXPIRE", count.state, count.kept)
  if id ~= "" then
    redis.call("SET", count.record, (ttl > 0 and "h:" or "c:") .. text(count.units) .. (ttl > 0 and "" or ":0"), "PX", keep)
  end
end

local reply = {admitted}
for i = 1, #counts do
  local count = counts[i]
  if admitted == 1 and count.status == 1 then write(count) end
  reply[i * 4 - 2], reply[i * 4 - 1], reply[i * 4], reply[i * 4 + 1] = count.status, count.used, count.held, count.new
end
return reply
