// Written by scripts/generate/lua.mjs.
import type { Script } from "@scale/core/redis";

/** clear.lua */
export const clear: Script = {
  name: "clear",
  sha1: "c2e17320647ccfcdb9530f43bc71bec3ab465af5",
  source: "\n\n\n\n\n\n\n\n\nredis.call(\"UNLINK\", KEYS[1])\nreturn 1\n",
};

/** pull.lua */
export const pull: Script = {
  name: "pull",
  sha1: "ba9f21ce96257d9d06d0ec57040b54ec34d871e7",
  source: "\n\n\n\n\n\n\n\n\n\nlocal values = redis.call(\"MGET\", unpack(KEYS))\nlocal entry = values[1]\nif not entry then return false end\nredis.call(\"UNLINK\", KEYS[1])\nfor i = 2, #KEYS do\n  if not values[i] then return false end\nend\nlocal head = table.concat(values, \".\", 2) .. \"|\"\nif string.sub(entry, 1, #head) ~= head then return false end\nreturn string.sub(entry, #head + 1)\n",
};

/** read.lua */
export const read: Script = {
  name: "read",
  sha1: "b7163139d367ef581f46f20af9cfc5ba9f29e562",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\nlocal values = redis.call(\"MGET\", unpack(KEYS))\nlocal entry = values[1]\nfor i = 2, #KEYS do\n  if not entry or not values[i] then return false end\nend\nif not entry then return false end\nlocal head = table.concat(values, \".\", 2) .. \"|\"\nif string.sub(entry, 1, #head) ~= head then return false end\nreturn string.sub(entry, #head + 1)\n",
};

/** remove.lua */
export const remove: Script = {
  name: "remove",
  sha1: "bfa6f8ce479879deba3ef943db2980a07be06856",
  source: "\n\n\n\n\n\n\n\n\n\nlocal values = redis.call(\"MGET\", unpack(KEYS))\nlocal count = tonumber(ARGV[1])\nlocal head = \"\"\nfor i = 1, count do\n  head = head .. (values[i] or \"\") .. (i < count and \".\" or \"|\")\nend\nlocal found = 0\nfor i = count + 1, #KEYS do\n  if values[i] and string.sub(values[i], 1, #head) == head then found = found + 1 end\nend\nredis.call(\"UNLINK\", unpack(KEYS, count + 1))\nreturn found\n",
};

/** write.lua */
export const write: Script = {
  name: "write",
  sha1: "ac4d5bb060278217afe01ec71b8d4af121d3f008",
  source: "\n\n\n\n\n\n\n\n\n\n\n\n\n\nlocal call = redis.call\nlocal ttl = tonumber(ARGV[2])\nlocal life = ttl + ARGV[3]\nlocal generations = {}\nfor i = 2, #KEYS do\n  local generation = call(\"GET\", KEYS[i])\n  if not generation then\n    generation = ARGV[1]\n    call(\"SET\", KEYS[i], generation, \"PX\", life)\n  elseif call(\"PTTL\", KEYS[i]) < ttl then\n    call(\"PEXPIRE\", KEYS[i], life)\n  end\n  generations[i - 1] = generation\nend\ncall(\"SET\", KEYS[1], table.concat(generations, \".\") .. \"|\" .. ARGV[4], \"PX\", ttl)\nreturn 1\n",
};
