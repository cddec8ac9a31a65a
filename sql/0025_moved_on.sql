-- Who moves on from a channel that is deleted, while what is left of it is cleared away, keeps the new place: a row that
-- somebody else has changed meanwhile is judged anew by the outer condition alone, and that did not name the channel.

create or replace function hum_purge(p_room bigint, p_limit integer) returns boolean
language plpgsql volatile security definer set search_path = public, pg_temp as $$
declare
    v_channel bigint;
begin
    if exists (select from users where id = p_room and erased_at is not null) then
        return hum_purge_user(p_room, p_limit);
    end if;
    if not exists (select from servers where id = p_room and deleted_at is not null)
       and not exists (select from channels c join servers s on s.id = c.server_id
                       where c.id = p_room and (c.deleted_at is not null or s.deleted_at is not null)) then
        return false;
    end if;
    delete from channel_members where channel_id = p_room and user_id in
        (select user_id from channel_members where channel_id = p_room limit p_limit);
    if found then return true; end if;
    delete from channel_visits where channel_id = p_room and user_id in
        (select user_id from channel_visits where channel_id = p_room limit p_limit);
    if found then return true; end if;
    delete from server_members where server_id = p_room and user_id in
        (select user_id from server_members where server_id = p_room limit p_limit);
    if found then return true; end if;
    delete from server_bans where server_id = p_room and user_id in
        (select user_id from server_bans where server_id = p_room limit p_limit);
    if found then return true; end if;
    delete from server_invites where id in
        (select id from server_invites where server_id = p_room limit p_limit);
    if found then return true; end if;
    delete from invite_codes where hash in
        (select hash from invite_codes where server_id = p_room limit p_limit);
    if found then return true; end if;
    v_channel := (select id from channels where server_id = p_room order by id limit 1);
    if v_channel is not null then
        perform hum_purge(v_channel, p_limit);
        return true;
    end if;
    delete from read_marks where room_id = p_room and user_id in
        (select user_id from read_marks where room_id = p_room limit p_limit);
    if found then return true; end if;
    return hum_purge_room(p_room, p_limit);
end $$;
