-- What is to be sent, in the transaction of whoever wants it sent. The request id makes a request that is repeated one.
create table crm.emails (
  tenant_id text not null,
  id bigint generated always as identity,
  contact_id bigint not null,
  request_id text not null,
  subject text not null,
  body text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, request_id),
  foreign key (tenant_id, contact_id) references crm.contacts (tenant_id, id) on delete cascade
);
create index emails_by_contact on crm.emails (tenant_id, contact_id);
