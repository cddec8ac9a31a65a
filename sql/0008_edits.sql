-- Edits and deletes: entries of the log that change an earlier one.

-- The edits of a message, for its deletion. Few entries are edits: others cost the index nothing.
create index messages_edits on messages (room_id, ref_seq) where kind = 2;

-- Lets the text p_seq of a room say p_text from now on, or, when that is null, deletes it; and appends the entry that
-- tells so (kind 2 edit, 3 delete), all under the room's lock. With a text goes its author alone; p_any: a deletion by
-- somebody who may delete what others wrote. What a deleted text said is nowhere in the log afterwards.
--
--   status   0 done; seq is that of the entry
--            1 there is nothing to do: the nonce is that of an edit of this text, or the text is deleted already
--            2 the nonce is that of another message
--            3 no such text
--            4 somebody else's
--            5 a deleted text cannot be edited
create function hum_amend(p_room bigint, p_seq bigint, p_sender bigint, p_any boolean, p_nonce text, p_key uuid,
                          p_text text, out status smallint, out seq bigint)
language plpgsql volatile security definer set search_path = public, pg_temp as $$
declare
    v_kind   smallint := case when p_text is null then 3 else 2 end;
    v_target record;
    v_known  record;
    v_at     timestamptz;
begin
    perform from rooms where id = p_room for no key update;
    -- Each statement after the lock sees all that was committed before it was given.
    select m.sender_id, m.deleted_at into v_target
    from messages m where m.room_id = p_room and m.seq = p_seq and m.kind = 1;
    if not found then status := 3; return; end if;
    if v_target.sender_id is distinct from p_sender and not (p_any and p_text is null) then
        status := 4; return;
    end if;
    if p_key is not null then
        select m.kind, m.ref_seq into v_known
        from messages m where m.room_id = p_room and m.dedup_key = p_key;
        if found then
            status := case when v_known.kind = v_kind and v_known.ref_seq = p_seq then 1 else 2 end;
            return;
        end if;
    end if;
    if v_target.deleted_at is not null then
        status := case when p_text is null then 1 else 5 end; return;
    end if;

    select a.seq, to_timestamp(a.sent_at_ms / 1000.0) into strict seq, v_at
    from hum_append(v_kind, array[p_room], array[p_sender], array[p_nonce], array[p_key], array[p_text],
                    array[p_seq], array[null::jsonb], false, true) a;
    if p_text is not null then
        update messages m set text = p_text, edited_at = v_at where m.room_id = p_room and m.seq = p_seq;
    else
        update messages m set text = null, deleted_at = v_at where m.room_id = p_room and m.seq = p_seq;
        update messages m set text = null, deleted_at = v_at
        where m.room_id = p_room and m.ref_seq = p_seq and m.kind = 2;
    end if;
    status := 0;
end $$;

revoke execute on function hum_amend(bigint, bigint, bigint, boolean, text, uuid, text) from public;
grant execute on function hum_amend(bigint, bigint, bigint, boolean, text, uuid, text) to hum_api_role;
