-- Other systems: the tokens that they sign in with, and the events that they read.

-- Of a token only its SHA-256 is kept: who reads this table can use none. Tokens are made and revoked by the operator's
-- tool alone. A revoked one stays, to be listed; its name is free again.
create table service_tokens (
    id           bigint primary key default hum_id(),
    name         text not null check (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    hash         bytea not null check (octet_length(hash) = 32),
    created_at   timestamptz not null default now(),
    last_used_at timestamptz, -- to the minute
    revoked_at   timestamptz
);
create unique index service_tokens_hash on service_tokens (hash);
create unique index service_tokens_name on service_tokens (name) where revoked_at is null;

-- One row: up to which event, in the order that events are read in, everything has been removed.
create table events_swept (
    only_row boolean primary key default true check (only_row),
    xid      xid8 not null default '0',
    id       bigint not null default 0
);
insert into events_swept default values;

-- Removes events that are older than p_days, the first ones in the order that events are read in, up to the first that
-- is not; at most p_limit a call. Returns how many. Nothing at or above the oldest running transaction goes: what that
-- one writes would come to stand among what is gone. Starts where the last call has ended, and so does not wade through
-- what is no more. One at a time; a second one does nothing.
create function hum_sweep_events(p_days integer, p_limit integer) returns integer
language plpgsql volatile security definer set search_path = public, pg_temp as $$
declare
    v_xid xid8;
    v_id bigint;
    v_count integer;
begin
    select s.xid, s.id into v_xid, v_id from events_swept s for update skip locked;
    if not found then return 0; end if;
    with first as (
        select e.xid, e.id, e.at from events e
        where (e.xid, e.id) > (v_xid, v_id) and e.xid < pg_snapshot_xmin(pg_current_snapshot())
        order by e.xid, e.id limit p_limit),
    judged as (
        select f.xid, f.id, bool_and(f.at < now() - p_days * interval '1 day') over (order by f.xid, f.id) as old
        from first f),
    gone as (
        delete from events e using judged j where e.id = j.id and j.old returning e.xid, e.id)
    select count(*), (array_agg(g.xid order by g.xid desc, g.id desc))[1],
           (array_agg(g.id order by g.xid desc, g.id desc))[1]
    into v_count, v_xid, v_id from gone g;
    if v_count > 0 then
        update events_swept s set xid = v_xid, id = v_id;
    end if;
    return v_count;
end $$;

revoke execute on function hum_sweep_events(integer, integer) from public;
grant execute on function hum_sweep_events(integer, integer) to hum_api_role;
grant select on events, events_swept, service_tokens to hum_api_role;
grant update (last_used_at) on service_tokens to hum_api_role;
