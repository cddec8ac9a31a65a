-- E-mail addresses that somebody has shown to be theirs: by the link of a mail, or by what an identity provider says.

alter table users add column email_verified_at timestamptz;

-- Another address is not verified, unless the same statement says so; and none is not.
create function hum_unverify() returns trigger language plpgsql as $$
begin
    if new.email is null or new.email_verified_at is not distinct from old.email_verified_at then
        new.email_verified_at := null;
    end if;
    return new;
end $$;

create trigger hum_unverify before update of email on users for each row
    when (lower(new.email) is distinct from lower(old.email)) execute function hum_unverify();

revoke execute on function hum_unverify() from public;
grant update (email, email_verified_at) on users to hum_api_role;
