import { type CatalogueRow, counter, gauge, numberOf, seconds, secondsOf, tenantCounter, textOf } from "./row.js";

const amount = (field: string) => (message: Record<string, unknown>) => ({ value: numberOf(message, field) ?? 0 });
const STATUSES: Readonly<Record<string, number>> = { pass: 0, warn: 1, fail: 2 };

/** Queues, streams of events, health checks. */
export const jobs: readonly CatalogueRow[] = [
  gauge("scale_queue_depth", "watch.queues", "Jobs that wait in a queue.", { labels: ["queue"] }),
  tenantCounter(
    "scale_queue_jobs_enqueued_total",
    "scale:queue:job-enqueue",
    "Jobs that a queue took, or had already.",
    {
      labels: ["queue", "job", "deduplicated"],
    },
  ),
  tenantCounter("scale_queue_jobs_refused_total", "scale:queue:job-refuse", "Jobs that a full backlog refused.", {
    labels: ["queue", "job", "reason"],
  }),
  seconds("scale_queue_job_wait_seconds", "scale:queue:job-start", "Time from a job being due to its start.", {
    labels: ["queue"],
    read: secondsOf("waitMs"),
  }),
  tenantCounter("scale_queue_jobs_finished_total", "scale:queue:job-finish", "Attempts by their outcome.", {
    labels: ["queue", "job", "outcome"],
  }),
  seconds("scale_queue_job_duration_seconds", "scale:queue:job-finish", "Time of an attempt.", {
    labels: ["queue", "job"],
    read: secondsOf("ms"),
  }),
  tenantCounter(
    "scale_queue_jobs_abandoned_total",
    "scale:queue:job-abandon",
    "Handlers that went on after their job ended.",
    {
      labels: ["queue", "job"],
    },
  ),
  tenantCounter(
    "scale_queue_store_failures_total",
    "scale:queue:store-fail",
    "Calls that the store of a queue did not answer.",
    {
      labels: ["queue", "operation"],
    },
  ),
  counter(
    "scale_queue_store_fallbacks_total",
    "scale:queue:store-fallback",
    "Queues that work without the scripts of the installed BullMQ.",
    {
      labels: ["queue"],
    },
  ),
  counter("scale_queue_worker_drains_total", "scale:queue:worker-drain", "Workers that drained.", {
    labels: ["queue"],
  }),
  counter(
    "scale_queue_schedules_fired_total",
    "scale:queue:schedule-fire",
    "Slots of schedules whose jobs were enqueued.",
    {
      labels: ["queue", "schedule"],
    },
  ),
  counter(
    "scale_queue_schedule_failures_total",
    "scale:queue:schedule-fail",
    "Slots of schedules that could not be enqueued.",
    {
      labels: ["queue", "schedule"],
    },
  ),
  counter(
    "scale_queue_outbox_messages_total",
    "scale:queue:outbox-relay",
    "Messages of the outbox that were delivered.",
    {
      labels: ["kind"],
      read: amount("messages"),
    },
  ),
  seconds(
    "scale_queue_outbox_lag_seconds",
    "scale:queue:outbox-relay",
    "Age of the oldest message of a delivered batch.",
    {
      labels: ["kind"],
      read: secondsOf("lagMs"),
    },
  ),
  counter(
    "scale_queue_outbox_failures_total",
    "scale:queue:outbox-fail",
    "Batches of the outbox that were not delivered.",
    {
      labels: ["kind"],
    },
  ),
  tenantCounter(
    "scale_queue_outbox_refusals_total",
    "scale:queue:outbox-refuse",
    "Messages of the outbox that were refused.",
    {
      labels: ["kind", "permanent"],
    },
  ),
  tenantCounter(
    "scale_realtime_connections_opened_total",
    "scale:realtime:connection-open",
    "Connections that were admitted.",
    {
      labels: ["start"],
    },
  ),
  tenantCounter(
    "scale_realtime_connections_closed_total",
    "scale:realtime:connection-close",
    "Connections that ended.",
    {
      labels: ["reason"],
    },
  ),
  seconds("scale_realtime_connection_duration_seconds", "scale:realtime:connection-close", "Time of a connection.", {
    smallest: 2 ** -8,
    read: secondsOf("durationMs"),
  }),
  tenantCounter(
    "scale_realtime_connections_refused_total",
    "scale:realtime:connection-refuse",
    "Connections that were refused.",
    {
      labels: ["reason"],
    },
  ),
  tenantCounter(
    "scale_realtime_authorize_failures_total",
    "scale:realtime:authorize-fail",
    "Connections that could not be authorized again.",
  ),
  tenantCounter(
    "scale_realtime_resets_total",
    "scale:realtime:history-reset",
    "Clients that were told to fetch their state again.",
    {
      labels: ["reason"],
    },
  ),
  tenantCounter("scale_realtime_events_published_total", "scale:realtime:event-publish", "Events that the store took."),
  seconds(
    "scale_realtime_publish_duration_seconds",
    "scale:realtime:event-publish",
    "Time until the store had an event.",
    {
      read: secondsOf("durationMs"),
    },
  ),
  tenantCounter(
    "scale_realtime_events_dropped_total",
    "scale:realtime:event-drop",
    "Events left out for clients that read too slowly.",
    {
      read: amount("count"),
    },
  ),
  tenantCounter(
    "scale_realtime_store_failures_total",
    "scale:realtime:store-fail",
    "Calls that the store of a hub did not answer.",
    {
      labels: ["operation"],
    },
  ),
  counter(
    "scale_realtime_feed_changes_total",
    "scale:realtime:feed-change",
    "Times that notifications were lost, or restored.",
    {
      labels: ["state"],
    },
  ),
  gauge(
    "scale_health_check_status",
    "scale:health:check-change",
    "0 for a check that passes, 1 for a warning, 2 for a failure.",
    {
      labels: ["check", "group"],
      read: (message) => ({ value: STATUSES[textOf(message, "to")] ?? 2 }),
    },
  ),
  counter("scale_health_drains_started_total", "scale:health:drain-start", "Drains of this process that began."),
  counter("scale_health_drains_ended_total", "scale:health:drain-end", "Drains of this process that ended."),
  counter(
    "scale_health_authorize_failures_total",
    "scale:health:authorize-fail",
    "Failures of the authorizer of health routes.",
  ),
];
