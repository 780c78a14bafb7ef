--[[
  Stores jobs with BullMQ's scripts and puts them into the lines of their tenants, in order. Prefix, clock, charge and ttl as in fair.lua.

  ARGV[4]  tenants  number of tenants
  ARGV[5]  jobs     number of jobs
  ARGV[6..n]        per tenant: tenant, weight, cap, backlog limit, limit and ms of the rate (0 without)
                    per job:    id, name, data, what the store keeps of it beside, ms since the epoch of the enqueue, index of the
                                tenant from 1, class (0 high, 1 normal, 2 low), cost, ms since the epoch at which it is due
                                or 0, deduplication id or "", ms that this lasts

  Largest input: 100 jobs.
  Returns per job: 0 and its id when it was stored | 1 and the id of the first | 2 and the backlog when the tenant has too many.
  O(jobs log jobs). Jobs last until they are finished or removed, deduplication keys as long as their options say.
]]
local at = 6
local known = {}
for i = 1, tonumber(ARGV[4]) do
  local tid = ARGV[at]
  local t = tenant_of(tid)
  t.w, t.c, t.b = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  t.ql, t.qw = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  place(tid, t)
  known[i] = tid
  at = at + 6
end

local STANDARD = { WAIT, q .. "paused", q .. "meta", q .. "id", q .. "completed", DELAYED, ACTIVE, EVENTS, q .. "marker" }
local LATER = { q .. "marker", q .. "meta", q .. "id", DELAYED, q .. "completed", EVENTS }

-- The id of the job that stands for this one already.
local function first_of(id, key)
  if rcall("EXISTS", q .. id) == 1 then return id end
  return key and rcall("GET", key) or nil
end

-- A purge of the tenant removes its idempotency keys, also those of jobs that are gone.
local function remember_key(job, deduplication, ttl)
  local keys = q .. "fair:i:" .. job.tid
  rcall("ZREMRANGEBYSCORE", keys, "-inf", now)
  rcall("ZADD", keys, now + ttl, deduplication)
  if rcall("PTTL", keys) < ttl then rcall("PEXPIRE", keys, ttl) end
end

-- BullMQ's script puts a job into `wait`, unless it is there already. The batch stays in it until all are added.
local arrivals, pending, reply = {}, {}, {}

local function answer(index, outcome, value) reply[2 * index - 1], reply[2 * index] = outcome, value end

local function add_now(index, job, args, opts)
  local id = addStandardJob(STANDARD, { args, job.data, opts }, as_is)
  arrivals[#arrivals + 1] = { index = index, job = job, opts = opts, id = id }
  pending[job.tid] = (pending[job.tid] or 0) + 1
end

-- Moves the batch to the lines.
local function sort_batch()
  if #arrivals == 0 then return end
  local pushed, lines = {}, {}
  for _, id in ipairs(rcall("LRANGE", WAIT, 0, -1)) do pushed[id] = true end
  rcall("DEL", WAIT)
  for _, arrival in ipairs(arrivals) do
    local job, opts = arrival.job, arrival.opts
    if pushed[job.id] then
      pushed[job.id] = nil
      stage(job.tid, job.id, opts.pc, opts.co, false, lines)
      answer(arrival.index, 0, job.id)
      if opts.de then remember_key(job, opts.de.id, opts.de.ttl) end
    else
      answer(arrival.index, 1, arrival.id)
    end
  end
  for id in pairs(pushed) do restage(id) end
  for tid, line in pairs(lines) do rcall("ZADD", q .. "fair:l:" .. tid, unpack(line)) end
  arrivals, pending = {}, {}
end

local function add_later(index, job, args, opts)
  local first = first_of(job.id, job.key)
  if first then return answer(index, 1, first) end
  opts.delay = job.due - args[4]
  addDelayedJob(LATER, { args, job.data, opts }, as_is)
  delay(job.tid, job.id, job.due)
  if opts.de then remember_key(job, opts.de.id, opts.de.ttl) end
  answer(index, 0, job.id)
end

local function is_full(job)
  local t = tenant_of(job.tid)
  if t.n + t.x + (pending[job.tid] or 0) < t.b then return false end
  -- Some of the batch may have been known.
  sort_batch()
  return t.n + t.x >= t.b
end

local function read_job(at)
  local id, deduplication = ARGV[at], ARGV[at + 9]
  local job = { id = id, data = ARGV[at + 2], tid = known[tonumber(ARGV[at + 5])], due = tonumber(ARGV[at + 8]) }
  local cost = tonumber(ARGV[at + 7])
  local opts = { tn = job.tid, pc = tonumber(ARGV[at + 6]), co = cost ~= 1 and cost or nil, sc = ARGV[at + 3] }
  if deduplication ~= "" then
    job.key = q .. "de:" .. deduplication
    opts.de = { id = deduplication, ttl = tonumber(ARGV[at + 10]) }
  end
  return job, { q, id, ARGV[at + 1], tonumber(ARGV[at + 4]), nil, nil, nil, nil, job.key }, opts
end

for i = 1, tonumber(ARGV[5]) do
  local job, args, opts = read_job(at)
  if is_full(job) then
    local first, t = first_of(job.id, job.key), tenant_of(job.tid)
    answer(i, first and 1 or 2, first or t.n + t.x)
  elseif job.due > now then
    add_later(i, job, args, opts)
  else
    add_now(i, job, args, opts)
  end
  at = at + 11
end
sort_batch()
save()
return reply
