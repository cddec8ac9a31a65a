-- Mails that wait to be sent, and the tokens of their links.

-- Purpose 1: the address is theirs; 2: a new password; 3: a new address. The token itself is computed from the seed with
-- a key that the database does not hold (control-api/mail/mail_token.h): nothing here can be turned into one.
create table mail_tokens (
    id         bigint primary key default hum_id(),
    user_id    bigint not null references users on delete cascade,
    purpose    smallint not null check (purpose in (1, 2, 3)),
    address    text not null, -- that the mail goes to
    seed       bytea not null check (octet_length(seed) = 32),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at    timestamptz
);
-- A newer one takes the place of what has not been used.
create unique index mail_tokens_person on mail_tokens (user_id, purpose) where used_at is null;
create index mail_tokens_used on mail_tokens (user_id) where used_at is not null;
create index mail_tokens_end on mail_tokens (expires_at);

-- Kinds: enum mail_kind in control-api/mail/mail.h. A mail whose token goes, goes with it.
create table mails (
    id          bigint primary key default hum_id(),
    user_id     bigint not null references users on delete cascade,
    kind        smallint not null check (kind between 1 and 6),
    address     text not null,
    token_id    bigint references mail_tokens on delete cascade,
    created_at  timestamptz not null default now(),
    -- Also the end of the lease: whoever sends a mail moves it ahead first, and so does not hold a lock meanwhile.
    next_try_at timestamptz not null default now(),
    tries       integer not null default 0
);
-- One of a kind waits for a person and address.
create unique index mails_person on mails (user_id, kind, address);
create index mails_next on mails (next_try_at, id);
create index mails_token on mails (token_id);

create trigger hum_living before insert on mail_tokens for each row execute function hum_living('user_id');
create trigger hum_living before insert on mails for each row execute function hum_living('user_id');

-- Erasure leaves the row of users, so what refers to it does not go by itself.
create function hum_erase_mails() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    delete from mails where user_id = new.id;
    delete from mail_tokens where user_id = new.id;
    return null;
end $$;

create trigger hum_erase_mails after update of erased_at on users for each row
    when (new.erased_at is not null) execute function hum_erase_mails();

revoke execute on function hum_erase_mails() from public;
grant select, insert, delete on mail_tokens, mails to hum_api_role;
grant update (used_at) on mail_tokens to hum_api_role;
grant update (next_try_at, tries) on mails to hum_api_role;
