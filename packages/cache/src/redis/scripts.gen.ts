// Written by scripts/gen-lua.mjs.
import type { Script } from "@scale/core/redis";

/** beat.lua */
export const beat: Script = {
  name: "beat",
  sha1: "709ed3106b4fe9ba688cb7e7ebfe41cd1f2aea97",
  source: "\n\n\n\n\n\n\n\n\nreturn redis.call(\"PUBLISH\", ARGV[1], ARGV[2])\n",
};

/** claim.lua */
export const claim: Script = {
  name: "claim",
  sha1: "c7a88a21e9c46707cf77f8953191d96e53bf7b42",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal call, match = redis.call, string.match\nlocal id, lease, version = ARGV[1], tonumber(ARGV[2]), ARGV[5]\nlocal time = call(\"TIME\")\nlocal now = time[1] * 1000 + math.floor(time[2] / 1000)\nlocal generation = call(\"GET\", KEYS[1])\nif not generation then\n  generation = id .. \".0\"\n  call(\"SET\", KEYS[1], generation, \"PX\", ARGV[3])\nend\nlocal gen = match(generation, \"^([^.]*)\")\nlocal value = call(\"GET\", KEYS[2]) or \"\"\nlocal kind, of, has = match(value, \"^([VTL])([^.]*)%.%d+%.([^.]*)%.\")\nlocal old, ms = \"\", lease\nif of == gen then\n  if kind == \"L\" then\n    local ends, rest = match(value, \"^L[^.]*%.%d+%.[^.]*%.[^.]*%.(%d+)|(.*)$\")\n    if ARGV[4] == \"refresh\" and tonumber(ends) > now then return 0 end\n    old = rest\n  else\n    old = value\n  end\n  if version ~= \"\" and has ~= \"\" and tonumber(has) > tonumber(version) then return -1 end\n  if ARGV[4] == \"write\" then old = \"\" end\n  if ARGV[4] == \"refresh\" then version = has end\n  if old ~= \"\" then ms = math.max(lease, call(\"PTTL\", KEYS[2])) end\nend\nlocal head = \"L\" .. generation .. \".\" .. version .. \".\" .. id .. \".\" .. (now + lease) .. \"|\"\ncall(\"SET\", KEYS[2], head .. old, \"PX\", ms)\nreturn 1\n",
};

/** fill.lua */
export const fill: Script = {
  name: "fill",
  sha1: "0343ebd7591c124857f2acf813506f2398d5677a",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal call, match = redis.call, string.match\nlocal value = call(\"GET\", KEYS[2])\nlocal gen, n, version, token = match(value or \"\", \"^L([^.]*)%.(%d+)%.([^.]*)%.([^.]*)%.%d+|\")\nif token ~= ARGV[1] then return 0 end\nlocal of, last = match(call(\"GET\", KEYS[1]) or \"\", \"^([^.]*)%.(%d+)$\")\nlocal usable, tags = tonumber(ARGV[3]), ARGV[4]\nlocal life = usable + ARGV[6]\n\nlocal function tagged(key)\n  local by, number = match(call(\"GET\", key) or \"\", \"^([^.]*)%.(%d+)$\")\n  if by ~= gen then\n\n    if last ~= n then return false end\n    call(\"SET\", key, gen .. \".\" .. n, \"PX\", life)\n  elseif tonumber(number) > tonumber(n) then\n    return false\n  elseif call(\"PTTL\", key) < usable then\n    call(\"PEXPIRE\", key, life)\n  end\n  return true\nend\n\nlocal counts = of == gen\nfor tag in string.gmatch(tags, \"[^:]+\") do\n  counts = counts and tagged(string.sub(KEYS[1], 1, -2) .. \"t:\" .. tag)\nend\nif not counts then\n  call(\"DEL\", KEYS[2])\n  return 0\nend\nlocal time = call(\"TIME\")\nlocal now = time[1] * 1000 + math.floor(time[2] / 1000)\nlocal kind = tags == \"\" and \"V\" or \"T\"\nlocal head = kind .. table.concat({ gen, n, version, now, ARGV[2], ARGV[3], tags }, \".\") .. \"|\"\ncall(\"SET\", KEYS[2], head .. ARGV[5], \"PX\", ARGV[3])\nif call(\"PTTL\", KEYS[1]) < usable then call(\"PEXPIRE\", KEYS[1], life) end\nif ARGV[7] ~= \"\" then call(\"PUBLISH\", ARGV[7], ARGV[8]) end\nreturn 1\n",
};

/** invalidate.lua */
export const invalidate: Script = {
  name: "invalidate",
  sha1: "a6b00de9a5154373ae2ffb9b834a57e0aafa5bbe",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\nlocal call = redis.call\nif #KEYS > 1 then call(\"UNLINK\", unpack(KEYS, 2)) end\nif ARGV[1] ~= \"\" then\n  call(\"SET\", KEYS[1], ARGV[1] .. \".0\", \"PX\", ARGV[2])\nelseif #ARGV > 4 then\n  local gen, n = string.match(call(\"GET\", KEYS[1]) or \"\", \"^([^.]*)%.(%d+)$\")\n\n  if gen then\n    local generation, life = gen .. \".\" .. string.format(\"%.0f\", n + 1), math.max(1, call(\"PTTL\", KEYS[1]))\n    call(\"SET\", KEYS[1], generation, \"PX\", life)\n    for i = 5, #ARGV do\n      call(\"SET\", string.sub(KEYS[1], 1, -2) .. \"t:\" .. ARGV[i], generation, \"PX\", life)\n    end\n  end\nend\ncall(\"PUBLISH\", ARGV[3], ARGV[4])\nreturn 1\n",
};

/** read.lua */
export const read: Script = {
  name: "read",
  sha1: "a1e430257181bcab1cbfe1ed6d83c6dc52fdf298",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal call, sub, match = redis.call, string.sub, string.match\nlocal id, lease, life = ARGV[1], tonumber(ARGV[2]), ARGV[3]\nlocal time = call(\"TIME\")\nlocal now = time[1] * 1000 + math.floor(time[2] / 1000)\nlocal values = call(\"MGET\", unpack(KEYS))\nlocal reply = { now }\n\nlocal taken = {}\n\nlocal base, gen, plain, tagged, leased, width, numbers\n\nlocal function number(tag)\n  local known = numbers[tag]\n  if known == nil then\n    local found = call(\"GET\", base .. \"t:\" .. tag)\n    local of, n = match(found or \"\", \"^([^.]*)%.(%d+)$\")\n    known = of == gen and tonumber(n)\n    numbers[tag] = known\n  end\n  return known\nend\n\nlocal function counts(value)\n  local head = sub(value, 1, width)\n  if head == plain then return true end\n  if head ~= tagged then return false end\n  local n, tags = match(value, \"^T[^.]*%.(%d+)%.[^.]*%.%d+%.%d+%.%d+%.([^|]*)|\")\n  if not n then return false end\n  for tag in string.gmatch(tags, \"[^:]+\") do\n    local known = number(tag)\n    if not known or known > tonumber(n) then return false end\n  end\n  return true\nend\n\nlocal function answer(i)\n  if taken[KEYS[i]] then return \"B\" end\n  local value, old = values[i], \"\"\n  if value and counts(value) then return value end\n  if value and sub(value, 1, width) == leased then\n    local ends, rest = match(value, \"^L[^.]*%.%d+%.[^.]*%.[^.]*%.(%d+)|(.*)$\")\n    if ends then\n      if counts(rest) then old = rest end\n      if tonumber(ends) > now then return \"B\" .. old end\n    end\n  end\n  taken[KEYS[i]] = true\n  local n = match(numbers.generation, \"(%d+)$\")\n  local ms = lease\n  if old ~= \"\" then ms = math.max(lease, call(\"PTTL\", KEYS[i])) end\n  call(\"SET\", KEYS[i], leased .. n .. \"..\" .. id .. \".\" .. (now + lease) .. \"|\" .. old, \"PX\", ms)\n  return \"H\" .. old\nend\n\nlocal at = 1\nfor a = 4, #ARGV do\n  local generation = values[at]\n  if not generation then\n    generation = id .. \".0\"\n    call(\"SET\", KEYS[at], generation, \"PX\", life)\n  end\n  base, gen = sub(KEYS[at], 1, -2), match(generation, \"^([^.]*)\")\n  plain, tagged, leased = \"V\" .. gen .. \".\", \"T\" .. gen .. \".\", \"L\" .. gen .. \".\"\n  width, numbers = #plain, { generation = generation }\n  local last = at + ARGV[a]\n  for i = at + 1, last do\n    reply[#reply + 1] = answer(i)\n  end\n  at = last + 1\nend\nreturn reply\n",
};

/** release.lua */
export const release: Script = {
  name: "release",
  sha1: "64cfbb1e33d390f1e8663a4de2a43b4ef715590c",
  source: "\n\n\n\n\n\n\n\nlocal value = redis.call(\"GET\", KEYS[1])\nlocal token, rest = string.match(value or \"\", \"^L[^.]*%.%d+%.[^.]*%.([^.]*)%.%d+|(.*)$\")\nif token ~= ARGV[1] then return 0 end\nif rest == \"\" then\n  redis.call(\"DEL\", KEYS[1])\nelse\n  redis.call(\"SET\", KEYS[1], rest, \"KEEPTTL\")\nend\nreturn 1\n",
};

/** renew.lua */
export const renew: Script = {
  name: "renew",
  sha1: "e1c43980cfeb496c61b79ee3ed242c8b73da21de",
  source: "\n\n\n\n\n\n\n\n\nlocal value = redis.call(\"GET\", KEYS[1])\nlocal head, token, rest = string.match(value or \"\", \"^(L[^.]*%.%d+%.[^.]*%.([^.]*)%.)%d+(|.*)$\")\nif token ~= ARGV[1] then return 0 end\nlocal time, lease = redis.call(\"TIME\"), tonumber(ARGV[2])\nlocal ends = time[1] * 1000 + math.floor(time[2] / 1000) + lease\nredis.call(\"SET\", KEYS[1], head .. ends .. rest, \"PX\", math.max(lease, redis.call(\"PTTL\", KEYS[1])))\nreturn 1\n",
};
