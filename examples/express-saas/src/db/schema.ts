import { bigint, boolean, date, pgSchema, primaryKey, text, timestamp, unique } from "drizzle-orm/pg-core";

// Drizzle definitions of the tables in `migrations/`. They are in a separate schema, to not conflict with other tables in
// the database of DATABASE_URL.
export const SCHEMA = "crm";
const crm = pgSchema(SCHEMA);

const tenantId = text("tenant_id").notNull();
const id = bigint("id", { mode: "number" }).notNull().generatedAlwaysAsIdentity();
const createdAt = timestamp("created_at", { withTimezone: true }).notNull().defaultNow();
const amountCents = bigint("amount_cents", { mode: "number" }).notNull();

export const tenants = crm.table("tenants", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  plan: text("plan").notNull(),
});

export const contacts = crm.table(
  "contacts",
  {
    tenantId,
    id,
    name: text("name").notNull(),
    email: text("email").notNull(),
    company: text("company"),
    createdAt,
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id] })],
);

export const deals = crm.table(
  "deals",
  {
    tenantId,
    id,
    contactId: bigint("contact_id", { mode: "number" }).notNull(),
    title: text("title").notNull(),
    stage: text("stage", { enum: ["open", "won", "lost"] }).notNull(),
    amountCents,
    createdAt,
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id] })],
);

export const invoices = crm.table(
  "invoices",
  {
    tenantId,
    id,
    dealId: bigint("deal_id", { mode: "number" }).notNull(),
    status: text("status", { enum: ["draft", "sent", "paid"] }).notNull(),
    amountCents,
    dueOn: date("due_on").notNull(),
    createdAt,
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id] })],
);

export const tasks = crm.table(
  "tasks",
  {
    tenantId,
    id,
    contactId: bigint("contact_id", { mode: "number" }).notNull(),
    title: text("title").notNull(),
    done: boolean("done").notNull().default(false),
    dueOn: date("due_on").notNull(),
    createdAt,
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id] })],
);

export const emails = crm.table(
  "emails",
  {
    tenantId,
    id,
    contactId: bigint("contact_id", { mode: "number" }).notNull(),
    requestId: text("request_id").notNull(),
    subject: text("subject").notNull(),
    body: text("body").notNull(),
    createdAt,
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id] }), unique().on(table.tenantId, table.requestId)],
);

export const leaderboard = crm.table(
  "leaderboard",
  {
    tenantId,
    userId: text("user_id").notNull(),
    points: bigint("points", { mode: "number" }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.userId] })],
);
