--[[
  Reads one page of jobs. Prefix, clock, charge and ttl as in fair.lua.

  ARGV[4]  source    ids: jobs by id | line, delayed, dead, oldest-dead: jobs of one tenant | state: jobs of one state |
                     staged: jobs of all lines, tenant by tenant, O(tenants)
  ARGV[5]  name      the tenant, or the state (delayed | active | completed | cancelled | dead | oldest-dead)
  ARGV[6]  offset
  ARGV[7]  limit
  ARGV[8..n]         ids

  Largest input: 200 jobs.
  Returns per id that was read: it, the fields of the job, where it is (waiting | delayed | active | completed | cancelled | dead |
  gone), ms since the epoch at which a delayed one is due or "". O(limit log jobs). Writes nothing.
]]
local from, limit = tonumber(ARGV[6]), tonumber(ARGV[7])
local to = from + limit - 1

local function state_of(id, finished)
  if rcall("HEXISTS", OWNERS, id) == 1 then return "active" end
  if finished then
    if rcall("ZSCORE", q .. "failed", id) then return "dead" end
    return rcall("ZSCORE", q .. "fair:c", id) and "cancelled" or "completed"
  end
  local score = rcall("ZSCORE", DELAYED, id)
  if score then return "delayed", string.format("%.0f", math.floor(score / 4096)) end
  return "waiting"
end

local function staged_ids()
  local ids, skip = {}, from
  for _, tid in ipairs(rcall("ZRANGE", q .. "fair:tenants", 0, -1)) do
    local line = q .. "fair:l:" .. tid
    local length = rcall("ZCARD", line)
    if skip >= length then
      skip = skip - length
    else
      for _, member in ipairs(rcall("ZRANGE", line, skip, skip + limit - #ids - 1)) do ids[#ids + 1] = (job_of(member)) end
      skip = 0
      if #ids >= limit then break end
    end
  end
  return ids
end

local function ids_of(source, name)
  if source == "staged" then return staged_ids() end
  if source == "line" then
    local ids = rcall("ZRANGE", q .. "fair:l:" .. name, from, to)
    for i, member in ipairs(ids) do ids[i] = job_of(member) end
    return ids
  end
  if source == "delayed" then return rcall("ZRANGE", q .. "fair:d:" .. name, from, to) end
  if source == "dead" then return rcall("ZREVRANGE", q .. "fair:x:" .. name, from, to) end
  if source == "oldest-dead" then return rcall("ZRANGE", q .. "fair:x:" .. name, from, to) end
  if name == "active" then return rcall("LRANGE", ACTIVE, from, to) end
  if name == "delayed" then return rcall("ZRANGE", DELAYED, from, to) end
  if name == "oldest-dead" then return rcall("ZRANGE", q .. "failed", from, to) end
  return rcall("ZREVRANGE", q .. ({ cancelled = "fair:c", dead = "failed", completed = "completed" })[name], from, to)
end

local ids = {}
if ARGV[4] == "ids" then
  for i = 8, #ARGV do ids[#ids + 1] = ARGV[i] end
else
  ids = ids_of(ARGV[4], ARGV[5])
end
local reply = {}
for _, id in ipairs(ids) do
  local fields = rcall("HGETALL", q .. id)
  local finished = false
  for i = 1, #fields, 2 do finished = finished or fields[i] == "finishedOn" end
  reply[#reply + 1] = id
  reply[#reply + 1] = fields
  local state, due = "gone", nil
  if #fields > 0 then state, due = state_of(id, finished) end
  reply[#reply + 1] = state
  reply[#reply + 1] = due or ""
end
return reply
