import type { TabData } from "@scale/dashboard";
import type { BreakerRow, FlagRow, LiveData } from "../live-data.js";

/** Breakers, flags, and what the shedder admits. */
export function resilienceTab({ resilience }: LiveData): TabData {
  const { breakers, refusedCalls, fallbacks, flags, shed } = resilience;
  const open = breakers.filter(({ state }) => state !== "closed").length;
  return {
    tiles: [
      {
        label: "Breakers open",
        value: `${open} of ${breakers.length}`,
        note: `${refusedCalls.last} calls refused in 60 s`,
      },
      { label: "Fallbacks used, 60 s", value: fallbacks.last, note: `${fallbacks.total} in total` },
      {
        label: "Shed level",
        value: shed.isBraking ? "braking" : shed.level,
        note: `${shed.inFlight} of ${shed.limit} in progress, highest in 60 s ${shed.highestInFlight}`,
      },
      { label: "Requests shed, 60 s", value: shed.refused.last, note: `${shed.refused.total} in total` },
    ],
    tables: [
      {
        caption: "Breakers",
        columns: ["Breaker", "State", "Last change", "When", "Calls", "Failed"],
        rows: breakers.map(breakerRow),
      },
      {
        caption: "Flags",
        columns: ["Flag", "Value", "Reason", "Source", "Confirmed"],
        rows: flags.map(flagRow),
      },
      {
        caption: "Requests shed by tenant",
        columns: ["Tenant", "Last 60 s", "In total", "Last reason"],
        rows: shed.tenants.map(({ tenantId, refused, reason }) => [tenantId, refused.last, refused.total, reason]),
      },
    ],
  };
}

function breakerRow({
  name,
  key,
  state,
  mode,
  reason,
  changedAgoMs,
  calls,
  failures,
}: BreakerRow): (string | number)[] {
  return [
    key === null ? name : `${name} (${key})`,
    mode === "auto" ? state : `${state}, set to ${mode}`,
    reason ?? "–",
    agoText(changedAgoMs),
    ...[calls, failures],
  ];
}

const flagRow = ({ flag, value, reason, from, ageMs }: FlagRow): string[] => [
  flag,
  value,
  reason,
  from,
  agoText(ageMs),
];

const agoText = (ms: number | null): string => (ms === null ? "–" : `${Math.round(ms / 1000)} s ago`);
