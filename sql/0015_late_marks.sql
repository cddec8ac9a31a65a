-- A read mark that comes too late for an erasure is taken back whoever wrote it: also by the control API, whose role may
-- not delete marks.
alter function hum_living_mark() security definer set search_path = public, pg_temp;
revoke execute on function hum_living_mark() from public;
