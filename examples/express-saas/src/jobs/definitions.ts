import { defineJobs, job } from "@scale/queue";
import { z } from "zod";

/** A row that a user submitted: jobs about it have its kind and id in their keys, so that none counts twice. */
const submission = z.object({ kind: z.enum(["contact", "deal"]), id: z.int().min(1) });

/** The background jobs of the CRM. */
export const jobs = defineJobs({
  "email.send": job({
    input: z.object({
      submission,
      contactId: z.int().min(1),
      subject: z.string().max(200),
      body: z.string().max(10_000),
    }),
    attempts: 5,
    backoff: { kind: "exponential", base: "500ms", max: "1m", jitter: "full" },
    timeout: "10s",
  }),
  "leaderboard.update": job({
    input: z.object({ submission, userId: z.string().min(1), points: z.int().min(1) }),
    attempts: 5,
    timeout: "10s",
  }),
  // Many of one tenant at once: the live page shows that other tenants hardly wait for them.
  "newsletter.send": job({ input: z.object({ issue: z.string(), recipient: z.int() }), attempts: 1, timeout: "10s" }),
});

export type CrmJobDefinitions = typeof jobs;
