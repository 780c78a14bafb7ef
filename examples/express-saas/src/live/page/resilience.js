// The resilience section of the page, and its buttons.
import { element, setRows, setText, tenths, whole } from "./dom.js";

/** @import { BreakerRow, ResilienceData } from "../live-data.js" */

/** @type {Record<string, string>} */
const REASONS = {
  "failure-rate": "too many failures",
  "slow-rate": "too many slow calls",
  "consecutive-failures": "failures in a row",
  quorum: "other processes opened",
  "open-time-over": "open time over",
  "probe-failed": "probe failed",
  "lease-expired": "probe did not return",
  "probes-succeeded": "probes succeeded",
  "ramp-done": "recovered",
  manual: "set by hand",
  restored: "restored",
};

/** @type {Record<string, string>} */
const REFUSALS = {
  "no-room": "no room in time",
  "queue-full": "queue full",
  "waited-too-long": "waited too long",
  "event-loop": "event loop late",
  aborted: "client left",
};

/** @param {number | null} ms */
const ago = (ms) => (ms === null ? "–" : `${tenths.format(ms / 1000)}\u00a0s ago`);

/** @param {ResilienceData} resilience */
export function showResilience({ isUpstreamStuck, breakers, refusedCalls, fallbacks, flags, shed }) {
  const open = breakers.filter(({ state }) => state === "open" || state === "half-open").length;
  setText("breakers-open", `${whole.format(open)} of ${whole.format(breakers.length)}`);
  setText("breakers-refused", `${whole.format(refusedCalls.last)} calls refused in 60\u00a0s`);
  setText("fallbacks", whole.format(fallbacks.last));
  setText("fallbacks-total", `${whole.format(fallbacks.total)} since the start`);
  setText("shed-level", shed.isBraking ? "braking" : shed.level);
  setText(
    "shed-room",
    `${whole.format(shed.inFlight)} of ${whole.format(shed.limit)} in progress, ` +
      `highest in 60\u00a0s ${whole.format(shed.highestInFlight)}`,
  );
  setText("shed", whole.format(shed.refused.last));
  setText("shed-total", `${whole.format(shed.refused.total)} since the start`);
  setRows("breakers", breakers.map(breakerCells));
  setRows(
    "flags",
    flags.map(({ flag, value, reason, from, ageMs }) => [flag, value, reason, from, ago(ageMs)]),
  );
  setRows(
    "shed-tenants",
    shed.tenants.map(({ tenantId, refused, reason }) => [
      tenantId,
      whole.format(refused.last),
      whole.format(refused.total),
      REFUSALS[reason] ?? reason,
    ]),
  );
  setText("upstream", isUpstreamStuck ? "Start the rates service" : "Stop the rates service");
  element("upstream").dataset["action"] = isUpstreamStuck ? "start" : "stop";
}

/** @param {BreakerRow} breaker */
function breakerCells({ name, key, state, mode, reason, changedAgoMs, calls, failures }) {
  return [
    key === null ? name : `${name} of ${key}`,
    mode === "auto" ? state : `${state}, ${mode}`,
    reason === null ? "–" : (REASONS[reason] ?? reason),
    ago(changedAgoMs),
    whole.format(calls),
    whole.format(failures),
  ];
}

/** Wires the buttons, and takes over the token that the address of the page may end with. */
export function startControls() {
  const token = /** @type {HTMLInputElement} */ (element("token"));
  const [, given = ""] = /^#token=(\w+)$/.exec(location.hash) ?? [];
  if (given !== "") {
    token.value = given;
    // Not in the history of the browser, nor in a copied address.
    history.replaceState(null, "", location.pathname);
  }
  const upstream = element("upstream");
  upstream.addEventListener("click", () => void send(`rates/${upstream.dataset["action"]}`, token.value));
  element("burst").addEventListener("click", () => void send("burst", token.value));
}

/** @type {Record<string, string>} */
const DONE = {
  "rates/stop": "The rates service accepts calls and does not answer them.",
  "rates/start": "The rates service answers again.",
  burst: "A tenant has sent 300 requests at once.",
};

/**
 * @param {string} path
 * @param {string} token
 */
async function send(path, token) {
  setText("control-status", "");
  try {
    const headers = { authorization: `Bearer ${token}` };
    const { ok, status } = await fetch(`/api/degradation/${path}`, { method: "POST", headers });
    if (ok) setText("control-status", DONE[path] ?? "Done.");
    else setText("control-status", status === 403 ? "The token is not valid." : `The server answered ${status}.`);
  } catch {
    setText("control-status", "The server does not respond.");
  }
}
