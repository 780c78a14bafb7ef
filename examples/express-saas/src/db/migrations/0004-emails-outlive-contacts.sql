-- The row of a request is the record of its idempotency key, so that it outlives the contact: without it, the same key would
-- send again.
alter table crm.emails drop constraint emails_tenant_id_contact_id_fkey;
