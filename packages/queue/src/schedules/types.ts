import type { Duration } from "@scale/core";

export interface ScheduleOptions<Name extends string, Data> {
  /** Cron expression of 5 or 6 fields, seconds first, or a word such as `@daily`. */
  readonly cron: string;
  /**
   * Time zone of the expression, such as `"Europe/Paris"`.
   * @default "UTC"
   */
  readonly tz?: string;
  readonly job: Name;
  /** Data of the job, or a function of the tenant that returns it. */
  readonly data: Data | ((tenantId: string) => Data | Promise<Data>);
  /** Tenants that get a job, or a function that lists them for each slot. Streams of rows are read as they come. */
  readonly tenants: Tenants | (() => Tenants | Promise<Tenants>);
  /**
   * Time over which the jobs of a slot are spread, each tenant at the same offset every time.
   * @default no spread
   */
  readonly spread?: Duration;
  /**
   * Age up to which a slot that no process fired is fired late, because all were down for example.
   * @default "5m"
   */
  readonly catchUp?: Duration;
}

type Tenants = Iterable<string> | AsyncIterable<string>;

export interface Schedule {
  readonly name: string;
  /** The next slots, as a preview. @param count integer from 1 to 1,000 */
  next(count?: number): Date[];
  /** Time after the slot at which the tenant's job runs, in milliseconds. */
  offsetMs(tenantId: string): number;
  /** Ends the schedule in this process. Resolves when a slot that is being enqueued has ended, and within 2 seconds. */
  stop(): Promise<void>;
}
