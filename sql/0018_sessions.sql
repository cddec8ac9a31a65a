-- Sessions as devices that their owner looks at, and passwords that change.

-- The list of somebody's devices, and the end of all of them.
create index sessions_living on sessions (user_id, id) where revoked_at is null;
drop index sessions_user;

grant update (hash) on user_passwords to hum_api_role;
