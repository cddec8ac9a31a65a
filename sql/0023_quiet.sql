-- A mail that was asked for once too often is asked for like any other, so that who asks cannot tell, and is not sent.
alter table mail_requests add column quiet boolean not null default false;
