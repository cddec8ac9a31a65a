-- What each daemon may do. Logins are made by the operator's tool, one a database, as members of
-- these. Neither can change the schema; the broker reads no table at all.

do $$
begin
    if not exists (select from pg_roles where rolname = 'hum_broker_role') then
        create role hum_broker_role nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'hum_api_role') then
        create role hum_api_role nologin;
    end if;
end $$;

revoke all on schema public from public;
grant usage on schema public to hum_broker_role, hum_api_role;

revoke execute on all functions in schema public from public;
grant execute on function
    hum_append(smallint, bigint[], bigint[], text[], uuid[], text[], bigint[], jsonb[], boolean, boolean),
    hum_access(bigint[]), hum_recent_users(integer), hum_room_tail(bigint, bigint, integer),
    hum_room_heads(bigint[]), hum_mark_read(bigint[], bigint[], bigint[]),
    hum_set_aside(bigint, bigint, text, bytea, text)
    to hum_broker_role;

grant execute on function
    hum_append(smallint, bigint[], bigint[], text[], uuid[], text[], bigint[], jsonb[], boolean, boolean),
    hum_ids(integer), hum_id(), hum_may_write(bigint, bigint)
    to hum_api_role;
grant select, insert on users, user_passwords, sessions, friend_requests, friendships, rooms, dms,
    read_marks to hum_api_role;
grant update (nickname, nickname_key, about) on users to hum_api_role;
grant update (refresh_generation, last_seen_at, expires_at, revoked_at) on sessions to hum_api_role;
grant update (seq) on read_marks to hum_api_role;
grant delete on friend_requests, friendships to hum_api_role;
grant select on messages, notification_kinds to hum_api_role;
grant insert on events to hum_api_role;
