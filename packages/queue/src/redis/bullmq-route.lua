--[[
  Runs one script of BullMQ for a program that uses BullMQ's own classes, and moves the jobs that it made waiting to the lines of
  their tenants. Create it with the script as the function `bullmq`. Prefix, clock, charge and ttl as in fair.lua.

  KEYS[2..n]  BullMQ's keys
  ARGV[4]     staged  jobs that the script has to find in `wait`: "" none, "*" all, or the id of one; "?" none, and jobs may have
                      become free to start
  ARGV[5..n]          BullMQ's arguments

  Largest input: 1,000 jobs that BullMQ made waiting.
  Returns what BullMQ's script returns. O(that of the script + jobs that it moves), with "*" O(waiting jobs).
]]
local keys, args = {}, {}
for i = 2, #KEYS do keys[i - 1] = KEYS[i] end
for i = 5, #ARGV do args[i - 4] = ARGV[i] end

local function move_line(tid)
  local line = q .. "fair:l:" .. tid
  local members = rcall("ZRANGE", line, 0, -1)
  if #members == 0 then return end
  for _, member in ipairs(members) do rcall("LPUSH", WAIT, (job_of(member))) end
  rcall("DEL", line)
  local t = tenant_of(tid)
  staged = staged - t.n
  t.n = 0
  place(tid, t)
end

if ARGV[4] == "*" then
  for _, tid in ipairs(rcall("ZRANGE", q .. "fair:tenants", 0, -1)) do move_line(tid) end
elseif ARGV[4] ~= "" and ARGV[4] ~= "?" then
  local opts = read_opts(ARGV[4])
  if opts and unstage(opts.tn, ARGV[4], opts.co) then rcall("LPUSH", WAIT, ARGV[4]) end
  if opts then undelay(opts.tn, ARGV[4]) end
end
local result = bullmq(keys, args, cmsgpack)
sort_arrivals(nil, math.huge)
release_lost_slots()
if ARGV[4] == "?" and rcall("EXISTS", RING) == 1 then wake_workers() end
save()
return result
