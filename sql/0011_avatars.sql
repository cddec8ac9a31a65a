-- Pictures of people: as the control API has made them anew, each kept once, however many show it.

create table avatars (
    hash       bytea primary key check (hash = sha256(body)),
    body       bytea not null check (octet_length(body) between 1 and 262144), -- WebP
    created_at timestamptz not null default now()
);
alter table avatars alter column body set storage external; -- compressed as it is

alter table users add column avatar_hash bytea references avatars;
create index users_avatar on users (avatar_hash) where avatar_hash is not null;

-- Gives a person a picture, or none (null); the one before goes with the last person who showed it. True: this changed
-- something. Both pictures are held from the beginning, in the order of their hashes, so that whoever takes the last
-- use of one away and whoever takes it up at that moment come one after the other.
create function hum_set_avatar(p_user bigint, p_hash bytea, p_body bytea) returns boolean
language plpgsql volatile security definer set search_path = public, pg_temp as $$
declare
    v_old bytea;
begin
    select avatar_hash into v_old from users where id = p_user for no key update;
    if not found or v_old is not distinct from p_hash then
        return false;
    end if;
    perform from avatars where hash in (v_old, p_hash) order by hash for update;
    if p_hash is not null then
        insert into avatars (hash, body) values (p_hash, p_body)
            on conflict (hash) do update set created_at = avatars.created_at;
    end if;
    update users set avatar_hash = p_hash where id = p_user;
    delete from avatars where hash = v_old and not exists (select from users where avatar_hash = v_old);
    return true;
end $$;

revoke execute on all functions in schema public from public;
grant execute on function hum_set_avatar(bigint, bytea, bytea) to hum_api_role;
grant select on avatars to hum_api_role;
