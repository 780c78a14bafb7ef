// Written by scripts/generate/lua.mjs.
import type { Script } from "@scale/core/redis";

/** add.lua */
export const add: Script = {
  name: "add",
  sha1: "95924a45445999c59ccb9958a16e1d9966a8b3d5",
  source: "\n\n\n\n\n\n\n\n\nlocal total = redis.call(\"INCRBY\", KEYS[1], ARGV[1])\nredis.call(\"PEXPIRE\", KEYS[1], ARGV[2])\nreturn total\n",
};
