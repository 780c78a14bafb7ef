import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fixture } from "./fixture.mjs";

const module = new URL("../bootstrap/process.mjs", import.meta.url);
const task = `
import { run, stopped } from ${JSON.stringify(module)};
const code = await run(process.execPath, ["program.mjs"]);
console.log("code", code, "stopped", stopped(), "next", await run("true", []));
`;

/** Starts a task whose program prints its process id, waits for that line, and collects the output to the end. */
async function start(program) {
  const { root } = fixture({ "task.mjs": task, "program.mjs": program });
  const supervisor = spawn(process.execPath, ["task.mjs"], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  const ready = new Promise((resolve) => {
    supervisor.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
      if (output.includes("ready")) resolve();
    });
  });
  const ended = once(supervisor, "close").then(() => output);
  await ready;
  return { supervisor, ended, root };
}

const lives = (id) => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${id}/stat`, "utf8"));
  } catch {
    return false;
  }
};

for (const [signal, arrives] of [
  ["SIGINT", "SIGINT"],
  ["SIGTERM", "SIGTERM"],
  ["SIGHUP", "SIGTERM"],
]) {
  test(`a task passes ${signal} on once, waits for its program and does not go on`, async () => {
    const { supervisor, ended } = await start(`
      let count = 0;
      process.on("${arrives}", () => {
        count += 1;
        setTimeout(() => { console.log("got", count); process.exit(7); }, 300);
      });
      console.log("ready");
      setTimeout(() => {}, 30_000);
    `);
    supervisor.kill(signal);
    await sleep(50); // Two signals at once may arrive as one.
    supervisor.kill(signal);
    assert.match(await ended, /got 1\ncode 7 stopped true next 1\d\d\n$/);
  });
}

test("a task stops what its program leaves running", { skip: process.platform !== "linux" }, async () => {
  const { ended, root } = await start(`
    import { spawn } from "node:child_process";
    import { writeFileSync } from "node:fs";
    const child = spawn("sleep", ["30"], { stdio: "ignore" });
    writeFileSync("child", String(child.pid));
    console.log("ready");
    process.exit(3);
  `);
  assert.match(await ended, /code 3 stopped false next 0\n$/);
  assert.equal(lives(readFileSync(join(root, "child"), "utf8")), false);
});
