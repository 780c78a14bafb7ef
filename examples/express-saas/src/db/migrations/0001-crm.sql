-- Every table begins with the tenant: its rows lie together, and no query can use an index without naming the tenant.
-- Foreign keys carry the tenant too, so that no row can point to a row of another tenant.

create table crm.tenants (
  id text primary key,
  name text not null,
  plan text not null
);

create table crm.contacts (
  tenant_id text not null references crm.tenants (id),
  id bigint generated always as identity,
  name text not null,
  email text not null,
  company text,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id)
);

create table crm.deals (
  tenant_id text not null,
  id bigint generated always as identity,
  contact_id bigint not null,
  title text not null,
  stage text not null check (stage in ('open', 'won', 'lost')),
  amount_cents bigint not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, contact_id) references crm.contacts (tenant_id, id) on delete cascade
);
create index deals_by_contact on crm.deals (tenant_id, contact_id);

create table crm.invoices (
  tenant_id text not null,
  id bigint generated always as identity,
  deal_id bigint not null,
  status text not null check (status in ('draft', 'sent', 'paid')),
  amount_cents bigint not null,
  due_on date not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, deal_id) references crm.deals (tenant_id, id) on delete cascade
);
create index invoices_by_deal on crm.invoices (tenant_id, deal_id);

create table crm.tasks (
  tenant_id text not null,
  id bigint generated always as identity,
  contact_id bigint not null,
  title text not null,
  done boolean not null default false,
  due_on date not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, contact_id) references crm.contacts (tenant_id, id) on delete cascade
);
create index tasks_by_contact on crm.tasks (tenant_id, contact_id);
