--[[
  Decides a batch of requests with rules of every algorithm (see ../algorithms), refunds units of earlier requests, and
  charges units beyond the limits. consume-gcra.lua does the first, faster, when all rules are GCRA, not in shadow and do
  not block. Each request charges all of its rules or none. Later requests of the batch see the charges of earlier ones.

  KEYS[i]  string: the state of one rule and subject, little-endian doubles as its algorithm in ../algorithms names them;
           for gcra as in consume-gcra.lua; zset for concurrency: slots by the us since the epoch at which they expire.
           Absent means empty. All in one slot; a key may come more than once.
           The block of a rule and subject, as ../algorithms/block.ts names its little-endian doubles.
           The mark of a refund, or of a charge beyond the limits: a string that is there when it was applied.
  ARGV[1]  now    ms since the epoch, or "" to use this server's clock (the default outside tests)
  ARGV[2]  batch  JSON list:
                  number of rules, then per rule: kind (0 gcra, 1 fixed window, 2 sliding window, 3 strict window,
                                                  4 concurrency),
                                                  1 in shadow | 0,
                                                  units of the burst or limit, or slots,
                                                  gcra: us per unit; windows: us; concurrency: us that a slot lasts,
                                                  ttl ms as a string
                                                  0, or the block: list of denials that begin it, us of the first
                                                  block, factor of the next, us of the longest, us of the
                                                  window in which denials are counted
                  until the end, per request:     cost in units, negative for a refund; number of charges;
                                                  slot or "", for a refund: us since the epoch of the charge;
                                                  0, or index of the mark: of a refund, or a charge beyond the limits;
                                                  then per charge: index of the key, index of the rule (from 1), units
                                                  wanted in advance, for a rule that blocks: index of its block, for a
                                                  refund: us since the epoch at which the count would have been empty

  Largest input: 32 requests of 16 rules.
  Returns integers: us since the epoch, then per request: 2 allowed by every rule | 1 allowed, refused in shadow | 0
  denied, then per charge: units remaining, us until nothing counts, us to wait (0 fits, -1 never will), units granted in
  advance, for a rule that blocks: 1 blocked | 0. Nothing for a refund.
  O(charges), and O(log slots) each for concurrency. Writes charges, refunds, marks and the denials of rules that block,
  and states whose time is in the future: the clock was set back. A key expires when nothing of it counts, after a second
  at the least; a mark when its units no longer count, after a minute at the least.
]]
local now
if ARGV[1] == "" then
  local time = redis.call("TIME")
  now = time[1] * 1000000 + time[2]
else
  now = math.floor(tonumber(ARGV[1]) * 1000 + 0.5)
end
local batch = cjson.decode(ARGV[2])
local stored = redis.call("MGET", unpack(KEYS))
local states, dirty, reply = {}, {}, { now }
local at, size = 2 + batch[1] * 6, #batch

-- The rounding tolerance of a limit, and the usage that is admitted.
local function tolerance(limit) return limit < 5e11 and limit * 1e-12 or 0.5 end

local function capacity(limit) return limit + tolerance(limit) end

local function start_of(length) return now - now % length end

-- Another program may have stored the value. NaN compares false with everything.
local function count(value) return value and value > 0 and value or 0 end

local function zeros(n)
  local list = {}
  for i = 1, n do list[i] = 0 end
  return list
end

local function sum(state, first, last)
  local units = 0
  for i = first, last do units = units + state[i] end
  return units
end

-- Bursts that a bucket may hold after a charge beyond its limit.
local max_bursts = 1000

-- The algorithms. `limit` and `length` are those of the rule; a state has the time first.
local gcra = { size = 3 }

function gcra.at(state, limit, per_unit)
  -- Units above the burst are cut off before anything leaks, but for those that were charged beyond it.
  local most = state[3] < 0 and limit * max_bursts or limit
  local left = count(math.min(state[2], most) - math.max(now - state[1], 0) / per_unit)
  return { now, left, left > limit and -1 or now }
end

function gcra.used(state) return state[2] end

function gcra.add(state, units) state[2] = state[2] + units end

function gcra.force(state, units, limit)
  state[2] = math.min(state[2] + units, limit * max_bursts)
  if state[2] > limit then state[3] = -1 end
end

function gcra.reset(state, limit, per_unit) return math.max(0, math.ceil((state[2] - tolerance(limit)) * per_unit)) end

function gcra.wait(state, limit, per_unit, units)
  return math.max(1, math.ceil((state[2] + units - capacity(limit)) * per_unit))
end

function gcra.refund(state, per_unit, units, _, empty_at)
  state[2] = math.max(0, state[2] - math.min(units, math.max(0, (empty_at - now) / per_unit)))
end

local fixed = { size = 3 }

function fixed.at(state, _, window)
  local current = start_of(window)
  local counts
  if state[2] == window then counts = state[1] >= current else counts = state[1] + state[2] > now end
  return { current, window, counts and count(state[3]) or 0 }
end

function fixed.used(state) return state[3] end

function fixed.add(state, units) state[3] = state[3] + units end

fixed.force = fixed.add

function fixed.reset(state, _, window) return state[3] > 0 and state[1] + window - now or 0 end

function fixed.wait(state, _, window) return state[1] + window - now end

function fixed.refund(state, _, units, charged_at)
  if charged_at >= state[1] then state[3] = math.max(0, state[3] - units) end
end

local sliding = { size = 4 }

-- A negative window marks counts that were charged beyond the limit.
function sliding.mark(state, limit, window)
  state[2] = (state[3] > limit or state[4] > limit) and -window or window
  return state
end

function sliding.at(state, limit, window)
  local begin, length = start_of(window), math.abs(state[2])
  local most = state[2] < 0 and math.huge or limit
  local current, previous = count(state[3]), count(state[4])
  if length ~= window then
    local all = state[1] + length > now and current + previous or current
    local kept = state[1] + 2 * length > now and math.min(all, most) or 0
    return sliding.mark({ begin, window, kept, 0 }, limit, window)
  end
  current, previous = math.min(current, most), math.min(previous, most)
  if state[1] < begin then
    current, previous = 0, state[1] + window == begin and current or 0
  end
  return sliding.mark({ begin, window, current, previous }, limit, window)
end

function sliding.used(state, window) return state[3] + state[4] * ((window - (now - state[1])) / window) end

function sliding.add(state, units) state[3] = state[3] + units end

function sliding.force(state, units, limit, window)
  state[3] = state[3] + units
  sliding.mark(state, limit, window)
end

function sliding.reset(state, _, window)
  if state[3] > 0 then return state[1] + 2 * window - now end
  return state[4] > 0 and state[1] + window - now or 0
end

function sliding.wait(state, limit, window, units)
  local full = capacity(limit)
  local room = full - state[3] - units
  if room >= 0 then return math.max(1, math.ceil(state[1] + window - (room * window) / state[4] - now)) end
  local in_next = math.max(0, window - ((full - units) * window) / state[3])
  return math.ceil(state[1] + window + in_next - now)
end

function sliding.refund(state, window, units, charged_at)
  local i = charged_at >= state[1] and 3 or charged_at >= state[1] - window and 4
  if i then state[i] = math.max(0, state[i] - units) end
end

local parts = 10
local kept = parts + 1
local strict = { size = kept + 2 }

local function part_of(window) return math.ceil(window / parts) end

function strict.at(state, _, window)
  local part = part_of(window)
  local begin = start_of(part)
  local fresh = { begin, window }
  if state[2] ~= window then
    local units = 0
    if state[2] > 0 then
      local passed = math.max(0, math.floor((now - state[1]) / part_of(state[2])))
      units = sum(state, 3, 2 + math.max(0, kept - passed))
    end
    fresh[3] = count(units)
    for i = 4, kept + 2 do fresh[i] = 0 end
    return fresh
  end
  local passed = math.max(0, (begin - state[1]) / part)
  for i = 3, kept + 2 do fresh[i] = i - 3 >= passed and count(state[i - passed]) or 0 end
  return fresh
end

function strict.used(state) return sum(state, 3, kept + 2) end

function strict.add(state, units) state[3] = state[3] + units end

strict.force = strict.add

function strict.reset(state, _, window)
  for i = 0, kept - 1 do
    if state[i + 3] > 0 then return state[1] + (kept - i) * part_of(window) - now end
  end
  return 0
end

function strict.wait(state, limit, window, units)
  local excess = sum(state, 3, kept + 2) + units - limit
  for i = kept - 1, 0, -1 do
    excess = excess - state[i + 3]
    if excess <= 0 then return state[1] + (kept - i) * part_of(window) - now end
  end
  return state[1] + kept * part_of(window) - now
end

function strict.refund(state, window, units, charged_at)
  local i = math.max(0, math.ceil((state[1] - charged_at) / part_of(window))) + 3
  if i <= kept + 2 then state[i] = math.max(0, state[i] - units) end
end

local algorithms = { [0] = gcra, fixed, sliding, strict }

-- The state of key k under the rule at index r, brought up to now. Another rule of the batch may have the same key.
local function state_at(k, r)
  local algorithm, key = algorithms[batch[r]], KEYS[k]
  local state = states[key]
  if not state then
    local value = stored[k]
    if value and #value == algorithm.size * 8 then
      state = { struct.unpack("<" .. string.rep("d", algorithm.size), value) }
      if state[1] > now then
        dirty[key] = r
        state = algorithm.at(state, batch[r + 2], batch[r + 3])
      end
    else
      state = zeros(algorithm.size)
    end
  end
  states[key] = state
  return algorithm.at(state, batch[r + 2], batch[r + 3])
end

-- Blocks: until, length, denials, since. See ../algorithms/block.ts.
local blocks, dirty_blocks = {}, {}

local function block_at(k, window)
  local key = KEYS[k]
  local block = blocks[key]
  if block then return block end
  local value = stored[k]
  block = { 0, 0, 0, 0 }
  if value and #value == 32 then
    local ends, length, denials, since = struct.unpack("<dddd", value)
    -- An end further away than the block is long: the clock was set back.
    if ends > now + length then
      ends = now + length
      dirty_blocks[key] = window
    end
    block[1] = count(ends)
    if now < ends + math.max(length, window) then block[2] = count(length) end
    if since <= now and now < since + window then
      block[3], block[4] = count(denials), since
    end
  end
  blocks[key] = block
  return block
end

local function deny(k, block, rule)
  if block[3] == 0 then block[4] = now end
  block[3] = block[3] + 1
  dirty_blocks[KEYS[k]] = rule[5]
  if block[3] < rule[1] then return end
  block[2] = block[2] == 0 and rule[2] or math.min(block[2] * rule[3], rule[4])
  block[1], block[3], block[4] = now + block[2], 0, 0
end

-- Marks of this batch: a refund, or a charge beyond the limits, that comes twice is applied once.
local marked = {}

local function was_applied(k)
  local key = KEYS[k]
  local was = stored[k] or marked[key]
  marked[key] = marked[key] or 0
  return was
end

-- Concurrency: the number of held slots, and whether `slot` is one of them.
local function slots(k, slot)
  local key = KEYS[k]
  local taken = redis.pcall("ZCOUNT", key, "(" .. string.format("%.0f", now), "+inf")
  if type(taken) == "table" then
    -- Not a zset: another program stored it, and it must not fail the other requests of the batch.
    redis.call("UNLINK", key)
    return 0, false
  end
  local held = slot ~= "" and redis.call("ZSCORE", key, slot)
  return taken, held and tonumber(held) > now
end

local function take_slot(k, slot, length, ttl)
  local key = KEYS[k]
  -- Allocate first: a server without free memory refuses a write only while the script has written nothing.
  redis.call("ZADD", key, string.format("%.0f", now + length), slot)
  redis.call("ZREMRANGEBYSCORE", key, "-inf", string.format("%.0f", now))
  -- Slots that were taken under a longer ttl of the rule keep that ttl.
  if redis.call("PTTL", key) < tonumber(ttl) then redis.call("PEXPIRE", key, ttl) end
end

local function slots_reset(k)
  local last = redis.call("ZREVRANGE", KEYS[k], 0, 0, "WITHSCORES")[2]
  return last and math.max(0, tonumber(last) - now) or 0
end

local function slots_wait(k)
  local first = redis.call("ZRANGEBYSCORE", KEYS[k], "(" .. string.format("%.0f", now), "+inf", "WITHSCORES", "LIMIT", 0, 1)[2]
  return first and math.min(1000000, tonumber(first) - now) or 1
end

while at <= size do
  local cost, charges, slot, mark = batch[at], batch[at + 1], batch[at + 2], batch[at + 3]
  local first, last = at + 4, at + 3 + charges * 3
  local wanted = cost > 0 and cost or 1
  local forced = mark > 0 and cost >= 0
  local applied = mark > 0 and was_applied(mark)
  local status, fitting, roomy, current = 2, {}, {}, {}
  for c = first, last, 3 do
    local k, r = batch[c], batch[c + 1] * 6 - 4
    local kind, shadow, limit, block = batch[r], batch[r + 1], batch[r + 2], batch[r + 5]
    local fits = true
    if kind == 4 then
      local taken, held = slots(k, slot)
      fits = forced or held or taken < limit
    else
      local state = state_at(k, r)
      current[c] = state
      if cost >= 0 and not forced then
        fits = algorithms[kind].used(state, batch[r + 3]) + wanted <= capacity(limit)
        roomy[c] = fits
        if block ~= 0 then fits = fits and block_at(batch[c + 2], block[5])[1] <= now end
      end
    end
    fitting[c] = fits
    if not fits and shadow == 0 then status = 0 end
    if not fits and status == 2 then status = 1 end
  end
  if cost >= 0 then reply[#reply + 1] = status end
  for c = first, last, 3 do
    local k, r, want = batch[c], batch[c + 1] * 6 - 4, batch[c + 2]
    local kind, limit, length, ttl, block = batch[r], batch[r + 2], batch[r + 3], batch[r + 4], batch[r + 5]
    local key = KEYS[k]
    local algorithm, state = algorithms[kind], current[c]
    local fits, granted = fitting[c], 0
    if mark > 0 and algorithm then marked[KEYS[mark]] = math.max(marked[KEYS[mark]], tonumber(ttl)) end
    if cost < 0 then
      if algorithm and not applied and (stored[k] or dirty[key]) then
        algorithm.refund(state, length, -cost, slot, want)
        states[key], dirty[key] = state, r
      end
    elseif forced then
      if algorithm and not applied and cost > 0 then
        algorithm.force(state, cost, limit, length)
        states[key], dirty[key] = state, r
      end
    elseif status > 0 and fits and cost > 0 then
      if algorithm then
        algorithm.add(state, cost)
        if want > 0 and block == 0 then
          granted = math.max(0, math.min(want, math.floor(capacity(limit) - algorithm.used(state, length))))
          algorithm.add(state, granted)
        end
        states[key], dirty[key] = state, r
      elseif slot ~= "" then
        take_slot(k, slot, length, ttl)
      end
    end
    if cost >= 0 then
      local n = #reply
      if algorithm then
        reply[n + 1] = math.max(0, math.floor(capacity(limit) - algorithm.used(state, length)))
        reply[n + 2] = algorithm.reset(state, limit, length)
        reply[n + 3] = (fits or roomy[c]) and 0 or wanted > limit and -1 or algorithm.wait(state, limit, length, wanted)
        if block ~= 0 and not forced then
          local of = block_at(want, block[5])
          if not fits and of[1] <= now and cost > 0 and wanted <= limit then deny(want, of, block) end
          local left = of[1] - now
          if left > 0 then
            granted, reply[n + 1] = 1, 0
            reply[n + 2] = math.max(reply[n + 2], left)
            if wanted <= limit then reply[n + 3] = math.max(reply[n + 3], left) end
          end
        end
      else
        reply[n + 1] = math.max(0, limit - slots(k, ""))
        reply[n + 2] = slots_reset(k)
        reply[n + 3] = fits and 0 or slots_wait(k)
      end
      reply[n + 4] = granted
    end
  end
  at = last + 1
end

for key, r in pairs(dirty) do
  local state, ttl = states[key], batch[r + 4]
  -- The state of gcra holds the expiry of its key, negative for units beyond the burst, which count for longer.
  if batch[r] == 0 then
    local sign = 1
    if state[2] > batch[r + 2] and state[3] < 0 then
      sign, ttl = -1, string.format("%.0f", math.max(tonumber(ttl), math.ceil(state[2] * batch[r + 3] / 1000) + 1))
    end
    state[3] = sign * (now + ttl * 1000)
  end
  redis.call("PSETEX", key, ttl, struct.pack("<" .. string.rep("d", #state), unpack(state)))
end
for key, window in pairs(dirty_blocks) do
  local block = blocks[key]
  local ends = math.max(block[1] + math.max(block[2], window), block[4] + window)
  local ttl = string.format("%.0f", math.max(1000, math.ceil((ends - now) / 1000)))
  redis.call("PSETEX", key, ttl, struct.pack("<dddd", unpack(block)))
end
for key, ttl in pairs(marked) do
  if ttl > 0 then redis.call("SET", key, "1", "PX", string.format("%.0f", math.max(60000, ttl))) end
end
return reply
