-- Who other identity providers say that somebody is.

create table identities (
    issuer       text not null check (octet_length(issuer) between 1 and 512),
    subject      text not null check (octet_length(subject) between 1 and 255),
    id           bigint not null unique default hum_id(),
    user_id      bigint not null references users on delete cascade,
    provider     text not null, -- its name in the operator's file when this was last used
    email        text,          -- what the provider said last
    created_at   timestamptz not null default now(),
    last_used_at timestamptz not null default now(),
    primary key (issuer, subject)
);
create index identities_user on identities (user_id, id);
create trigger hum_living before insert on identities for each row execute function hum_living('user_id');

-- What came of one way through a browser, until the client fetches it with the one-time code: of which, as of the
-- state that began it, only the SHA-256 is kept, and of the client only its challenge (RFC 7636). A row stays for as
-- long as its state could come once more, so that each yields one code at most.
create table oauth_codes (
    hash       bytea primary key check (octet_length(hash) = 32),
    state_hash bytea not null unique check (octet_length(state_hash) = 32),
    challenge  bytea not null check (octet_length(challenge) = 32),
    provider   text not null,
    issuer     text not null,
    subject    text not null,
    email      text, -- verified by the provider, or null
    name       text,
    expires_at timestamptz not null,
    used_at    timestamptz
);
create index oauth_codes_expiry on oauth_codes (expires_at);

-- An erased account is nobody's any more: whoever comes with one of these is new.
create function hum_erase_identities() returns trigger
language plpgsql volatile security definer set search_path = public, pg_temp as $$
begin
    delete from identities where user_id = new.id;
    return null;
end $$;

create trigger hum_erase_identities after update of erased_at on users for each row
    when (new.erased_at is not null) execute function hum_erase_identities();

revoke execute on function hum_erase_identities() from public;
grant select, insert, delete on identities, oauth_codes to hum_api_role;
grant update (provider, email, last_used_at) on identities to hum_api_role;
grant update (used_at) on oauth_codes to hum_api_role;
