-- Signing up where there is a mail server: the account is made once its address is shown to be theirs, and until then
-- nobody can tell a new address from one that has an account.

-- What somebody has asked for. The token of the mail's link is computed from the seed, as those of mail_tokens are.
create table registrations (
    id           bigint primary key default hum_id(),
    email        text not null,
    nickname     text, -- null: one is made up
    nickname_key text collate "C",
    hash         text not null, -- of the password
    seed         bytea not null check (octet_length(seed) = 32),
    created_at   timestamptz not null default now(),
    expires_at   timestamptz not null,
    used_at      timestamptz,
    check ((nickname is null) = (nickname_key is null))
);
create index registrations_email on registrations (lower(email), id);
create index registrations_end on registrations (expires_at);

-- Mails that somebody has asked for. Only the worker looks whether the address has an account, so that who asks can
-- learn nothing of it, not even from the time that it takes. Kinds: enum asked_mail in control-api/store/mail_requests.h.
create table mail_requests (
    id              bigint primary key default hum_id(),
    kind            smallint not null check (kind between 1 and 4),
    address         text not null,
    registration_id bigint references registrations on delete cascade,
    user_id         bigint references users on delete cascade, -- whose address shall change
    created_at      timestamptz not null default now()
);

-- A mail is for a person or for who wants to become one.
alter table mails
    alter column user_id drop not null,
    add column registration_id bigint references registrations on delete cascade,
    add constraint mails_whom check (num_nonnulls(user_id, registration_id) = 1);
create unique index mails_registration on mails (registration_id);

drop trigger hum_living on mails;
create trigger hum_living before insert on mails for each row
    when (new.user_id is not null) execute function hum_living('user_id');
create trigger hum_living before insert on mail_requests for each row
    when (new.user_id is not null) execute function hum_living('user_id');

-- Who erases their account leaves no address behind.
create function hum_erase_registrations() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    delete from registrations where lower(email) = lower(old.email);
    delete from mail_requests where user_id = old.id;
    return null;
end $$;

create trigger hum_erase_registrations after update of erased_at on users for each row
    when (new.erased_at is not null) execute function hum_erase_registrations();

revoke execute on function hum_erase_registrations() from public;
grant select, insert, delete on registrations, mail_requests to hum_api_role;
grant update (used_at) on registrations to hum_api_role;
