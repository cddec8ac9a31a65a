-- One more kind of mail: another provider signs in to the account.
alter table mails drop constraint mails_kind_check, add constraint mails_kind_check check (kind between 1 and 7);
