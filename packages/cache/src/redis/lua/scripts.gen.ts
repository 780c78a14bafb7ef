// Written by scripts/generate/lua.mjs.
import type { Script } from "@scale/core/redis";

/** claim.lua */
export const claim: Script = {
  name: "claim",
  sha1: "4c6708f3d52d1eae44d3115680ff9e81b1e818e4",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal call, match = redis.call, string.match\nlocal id, lease, version = ARGV[1], tonumber(ARGV[2]), ARGV[5]\nlocal time = call(\"TIME\")\nlocal now = time[1] * 1000 + math.floor(time[2] / 1000)\nlocal generation = call(\"GET\", KEYS[1])\nif not generation or not match(generation, \"^[^.]+%.%d+$\") then\n  generation = id .. \".0\"\n  call(\"SET\", KEYS[1], generation, \"PX\", ARGV[3])\nend\nlocal gen = match(generation, \"^([^.]*)\")\nlocal value = call(\"GET\", KEYS[2]) or \"\"\nlocal kind, of, has = match(value, \"^([VTL])([^.]*)%.%d+%.([^.]*)%.\")\nlocal old, ms = \"\", lease\nif of == gen then\n  if kind == \"L\" then\n    local token, ends, rest = match(value, \"^L[^.]*%.%d+%.[^.]*%.([^.]*)%.(%d+)|(.*)$\")\n\n    if ARGV[4] == \"refresh\" and token ~= id and tonumber(ends) > now then return 0 end\n    old = rest\n  else\n    old = value\n  end\n  if version ~= \"\" and has ~= \"\" and tonumber(has) > tonumber(version) then return -1 end\n  if ARGV[4] == \"write\" then old = \"\" end\n  if ARGV[4] == \"refresh\" then version = has end\n  if old ~= \"\" then ms = math.max(lease, call(\"PTTL\", KEYS[2])) end\nend\nlocal head = \"L\" .. generation .. \".\" .. version .. \".\" .. id .. \".\" .. (now + lease) .. \"|\"\ncall(\"SET\", KEYS[2], head .. old, \"PX\", ms)\nreturn 1\n",
};

/** fill.lua */
export const fill: Script = {
  name: "fill",
  sha1: "2f894f1b1f6efcc8148e0f37e3a7fe24aec51173",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\nlocal call, match = redis.call, string.match\nlocal extra, channel = tonumber(ARGV[1]), ARGV[2]\nlocal time = call(\"TIME\")\nlocal now = string.format(\"%.0f\", time[1] * 1000 + math.floor(time[2] / 1000))\nlocal values = call(\"MGET\", unpack(KEYS))\n\nlocal leases, metas, tenants = {}, {}, {}\n\nlocal filled = {}\n\nlocal function leaseOf(text)\n  local known = leases[text]\n  if known == nil then\n    local gen, n, version, token = match(text, \"^L([^.]*)%.(%d+)%.([^.]*)%.([^.]*)%.%d+|\")\n    known = { gen = gen, n = n, version = version, token = token }\n    leases[text] = known\n  end\n  return known\nend\n\nlocal function metaOf(text)\n  local known = metas[text]\n  if known == nil then\n    local token, fresh, usable, tags = match(text, \"^([^.]*)%.(%d+)%.(%d+)%.(.*)$\")\n    known = { token = token, fresh = fresh, usable = usable, ms = tonumber(usable), tags = tags }\n    metas[text] = known\n  end\n  return known\nend\n\nlocal function tenantOf(key, value)\n  local known = tenants[key]\n  if known == nil then\n    local gen, n = match(value or \"\", \"^([^.]*)%.(%d+)$\")\n    known = { gen = gen, n = n, ms = 0 }\n    tenants[key] = known\n  end\n  return known\nend\n\nlocal function isTagValid(key, lease, meta, last)\n  local by, number = match(call(\"GET\", key) or \"\", \"^([^.]*)%.(%d+)$\")\n  if by ~= lease.gen then\n\n    if last ~= lease.n then return false end\n    call(\"SET\", key, lease.gen .. \".\" .. lease.n, \"PX\", meta.ms + extra)\n  elseif tonumber(number) > tonumber(lease.n) then\n    return false\n  elseif call(\"PTTL\", key) < meta.ms then\n    call(\"PEXPIRE\", key, meta.ms + extra)\n  end\n  return true\nend\n\nlocal function put(i, at)\n  local generation, entry = KEYS[i], KEYS[i + 1]\n  local lease, meta = leaseOf(values[i + 1] or \"\"), metaOf(ARGV[at])\n  if lease.token ~= meta.token or filled[entry] then return 0 end\n  filled[entry] = true\n  local tenant = tenantOf(generation, values[i])\n  local isValid = tenant.gen == lease.gen\n  if meta.tags ~= \"\" then\n    for tag in string.gmatch(meta.tags, \"[^:]+\") do\n      isValid = isValid and isTagValid(string.sub(generation, 1, -2) .. \"t:\" .. tag, lease, meta, tenant.n)\n    end\n  end\n  if not isValid then\n    call(\"DEL\", entry)\n    return 0\n  end\n  if lease.meta ~= meta then\n    local kind = meta.tags == \"\" and \"V\" or \"T\"\n    local parts = { lease.gen, lease.n, lease.version, now, meta.fresh, meta.usable, meta.tags }\n    lease.meta, lease.head = meta, kind .. table.concat(parts, \".\") .. \"|\"\n  end\n  call(\"SET\", entry, lease.head .. ARGV[at + 1], \"PX\", meta.usable)\n  if meta.ms > tenant.ms then tenant.ms = meta.ms end\n  if channel ~= \"\" then call(\"PUBLISH\", channel, ARGV[at + 2]) end\n  return 1\nend\n\nlocal reply, step = {}, channel == \"\" and 2 or 3\nfor i = 1, #KEYS, 2 do\n  local n = (i + 1) / 2\n  reply[n] = put(i, 3 + (n - 1) * step)\nend\nfor key, tenant in pairs(tenants) do\n  if tenant.ms > 0 and call(\"PTTL\", key) < tenant.ms then call(\"PEXPIRE\", key, tenant.ms + extra) end\nend\nreturn reply\n",
};

/** heartbeat.lua */
export const heartbeat: Script = {
  name: "heartbeat",
  sha1: "7621ac8451b5640ce016fbcdd97359e231a3a4e3",
  source: "\n\n\n\n\n\n\n\n\n\n\nreturn redis.call(\"PUBLISH\", ARGV[1], ARGV[2])\n",
};

/** invalidate.lua */
export const invalidate: Script = {
  name: "invalidate",
  sha1: "9328814de7cf6b693ac070d832fafdf4c0665f1c",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal call = redis.call\nif #KEYS > 1 then call(\"UNLINK\", unpack(KEYS, 2)) end\nif ARGV[1] ~= \"\" then\n\n\n  local time = call(\"TIME\")\n  call(\"SET\", KEYS[1], ARGV[1] .. \"-\" .. time[1] .. \"-\" .. time[2] .. \".0\", \"PX\", ARGV[2])\nelseif #ARGV > 4 then\n  local gen, n = string.match(call(\"GET\", KEYS[1]) or \"\", \"^([^.]*)%.(%d+)$\")\n\n  if gen then\n    local generation, ttl = gen .. \".\" .. string.format(\"%.0f\", n + 1), math.max(1, call(\"PTTL\", KEYS[1]))\n    call(\"SET\", KEYS[1], generation, \"PX\", ttl)\n    for i = 5, #ARGV do\n      call(\"SET\", string.sub(KEYS[1], 1, -2) .. \"t:\" .. ARGV[i], generation, \"PX\", ttl)\n    end\n  end\nend\ncall(\"PUBLISH\", ARGV[3], ARGV[4])\nreturn 1\n",
};

/** read.lua */
export const read: Script = {
  name: "read",
  sha1: "e37ee23b70033df9024e8e3ced4d26b51564e361",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal call, sub, match = redis.call, string.sub, string.match\nlocal id, lease, ttl = ARGV[1], tonumber(ARGV[2]), ARGV[3]\nlocal time = call(\"TIME\")\nlocal now = time[1] * 1000 + math.floor(time[2] / 1000)\nlocal ends = string.format(\"%.0f\", now + lease)\nlocal values = call(\"MGET\", unpack(KEYS))\nlocal reply = { now }\n\nlocal taken = {}\n\n\nlocal MAX_SEEN, MAX_TAGS, MAX_TAG_BYTES = 2048, 128, 16384\nlocal seen = 0\n\nlocal base, gen, plain, tagged, leased, width, numbers, fresh\n\nlocal function number(tag)\n  local known = numbers[tag]\n  if known == nil then\n\n    local found = redis.pcall(\"GET\", base .. \"t:\" .. tag)\n    local of, n = match(type(found) == \"string\" and found or \"\", \"^([^.]*)%.(%d+)$\")\n    known = of == gen and tonumber(n)\n    numbers[tag] = known\n  end\n  return known\nend\n\nlocal function isValid(value)\n  local head = sub(value, 1, width)\n  if head == plain then return true end\n  if head ~= tagged then return false end\n  local n, tags = match(value, \"^T[^.]*%.(%d+)%.[^.]*%.%d+%.%d+%.%d+%.([^|]*)|\")\n  if not n or #tags > MAX_TAG_BYTES then return false end\n  local last = seen + MAX_TAGS\n  for tag in string.gmatch(tags, \"[^:]+\") do\n    seen = seen + 1\n    if seen > last then return false end\n    local known = number(tag)\n    if not known or known > tonumber(n) then return false end\n  end\n  return true\nend\n\nlocal function answer(i)\n  if seen >= MAX_SEEN then return \"A\" end\n  if taken[KEYS[i]] then return \"B\" end\n  local value, old = values[i], \"\"\n  if value and isValid(value) then return value end\n  if value and sub(value, 1, width) == leased then\n    local token, till, rest = match(value, \"^L[^.]*%.%d+%.[^.]*%.([^.]*)%.(%d+)|(.*)$\")\n    if till then\n      if isValid(rest) then old = rest end\n\n      if token == id then\n        taken[KEYS[i]] = true\n        return \"H\" .. old\n      end\n      if tonumber(till) > now then return \"B\" .. old end\n    end\n  end\n  if lease == 0 then return \"B\" .. old end\n  taken[KEYS[i]] = true\n\n  fresh = fresh or leased .. match(numbers.generation, \"(%d+)$\") .. \"..\" .. id .. \".\" .. ends .. \"|\"\n  if old == \"\" then\n    call(\"SET\", KEYS[i], fresh, \"PX\", ARGV[2])\n    return \"H\"\n  end\n  call(\"SET\", KEYS[i], fresh .. old, \"PX\", math.max(lease, call(\"PTTL\", KEYS[i])))\n  return \"H\" .. old\nend\n\nlocal at = 1\nfor a = 4, #ARGV do\n  local generation = values[at]\n  if not generation or not match(generation, \"^[^.]+%.%d+$\") then\n    generation = id .. \".0\"\n    if lease > 0 then call(\"SET\", KEYS[at], generation, \"PX\", ttl) end\n  end\n  base, gen = sub(KEYS[at], 1, -2), match(generation, \"^([^.]*)\")\n  plain, tagged, leased = \"V\" .. gen .. \".\", \"T\" .. gen .. \".\", \"L\" .. gen .. \".\"\n  width, numbers, fresh = #plain, { generation = generation }, nil\n  local last = at + ARGV[a]\n  for i = at + 1, last do\n    reply[#reply + 1] = answer(i)\n  end\n  at = last + 1\nend\nreturn reply\n",
};

/** release.lua */
export const release: Script = {
  name: "release",
  sha1: "65351e0887578dee773f81ebd964f62f4989d6a7",
  source: "\n\n\n\n\n\n\n\n\n\nlocal value = redis.call(\"GET\", KEYS[1])\nlocal token, rest = string.match(value or \"\", \"^L[^.]*%.%d+%.[^.]*%.([^.]*)%.%d+|(.*)$\")\nif token ~= ARGV[1] then return 0 end\nif rest == \"\" then\n  redis.call(\"DEL\", KEYS[1])\nelse\n  redis.call(\"SET\", KEYS[1], rest, \"KEEPTTL\")\nend\nreturn 1\n",
};

/** renew.lua */
export const renew: Script = {
  name: "renew",
  sha1: "66999c331ae479f93981c4db37dc6539f80481b2",
  source: "\n\n\n\n\n\n\n\n\n\n\nlocal value = redis.call(\"GET\", KEYS[1])\nlocal head, token, rest = string.match(value or \"\", \"^(L[^.]*%.%d+%.[^.]*%.([^.]*)%.)%d+(|.*)$\")\nif token ~= ARGV[1] then return 0 end\nlocal time, lease = redis.call(\"TIME\"), tonumber(ARGV[2])\nlocal ends = time[1] * 1000 + math.floor(time[2] / 1000) + lease\nredis.call(\"SET\", KEYS[1], head .. ends .. rest, \"PX\", math.max(lease, redis.call(\"PTTL\", KEYS[1])))\nreturn 1\n",
};
