-- Points of the users of each tenant, for what they submitted.
create table crm.leaderboard (
  tenant_id text not null references crm.tenants (id),
  user_id text not null,
  points bigint not null,
  primary key (tenant_id, user_id)
);
