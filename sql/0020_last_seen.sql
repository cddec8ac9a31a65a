-- When devices were seen last, and the end of those that have ended long ago.

-- Sessions that were in use just now. Both daemons tell, many at a time and each session once in some minutes; one that
-- somebody holds a lock on is told another time, so that nobody waits here, nor for this.
create function hum_sessions_seen(p_sessions bigint[]) returns void
language sql volatile security definer set search_path = public, pg_temp as $$
    update sessions s set last_seen_at = now()
    from (select id from sessions
          where id = any (p_sessions) and revoked_at is null and last_seen_at < now() - interval '4 minutes'
          for update skip locked) seen
    where s.id = seen.id
$$;

-- Removes sessions that have ended more than 30 days ago, at most p_limit a call; how many.
create index sessions_ended on sessions (least(revoked_at, expires_at));
create function hum_sweep_sessions(p_limit integer) returns integer
language sql volatile security definer set search_path = public, pg_temp as $$
    with gone as (
        delete from sessions where id in (
            select id from sessions where least(revoked_at, expires_at) < now() - interval '30 days'
            order by least(revoked_at, expires_at) limit p_limit for update skip locked)
        returning 1)
    select count(*)::integer from gone
$$;

revoke execute on function hum_sessions_seen(bigint[]), hum_sweep_sessions(integer) from public;
grant execute on function hum_sessions_seen(bigint[]) to hum_api_role, hum_broker_role;
grant execute on function hum_sweep_sessions(integer) to hum_api_role;
