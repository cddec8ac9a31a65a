-- The short way into the log, for the batches that the broker's writer sends nearly always: texts of rooms that exist
-- and are free, with nonces that nobody remembers.

-- Appends them like hum_append, in half the time: whoever calls has sorted the batch already. The rooms come once
-- each, in the order of their ids, with the number of their messages and the greatest number that these reply to (0:
-- none). Of a message p_slot says which room it goes to, counted from 1, and p_rank the how manieth of that room's it is.
--
-- Returns a row a room, in the same order: the number that its log had reached, so that rank 1 got the next one. The
-- id of a message is first_id and its place in the batch, counted from 0. No row: nothing was appended, since some room
-- is locked or gone or does not reach as far as a reply; hum_append then says which. A known nonce: unique_violation.
create function hum_append_texts(
    p_room bigint[], p_count bigint[], p_reach bigint[],
    p_slot bigint[], p_rank bigint[], p_sender bigint[], p_nonce text[], p_key uuid[],
    p_text text[], p_ref bigint[])
returns table (base bigint, first_id bigint, sent_at_ms bigint)
language plpgsql volatile security definer set search_path = public, pg_temp as $$
declare
    v_base  bigint[];
    v_first bigint;
    v_now   timestamptz;
begin
    select array_agg(r.last_seq) into v_base
    from (select last_seq from rooms where id = any (p_room)
          order by id for no key update skip locked) r;
    if cardinality(v_base) is distinct from cardinality(p_room)
       or exists (select from unnest(v_base, p_reach) r(base, reach) where r.reach > r.base) then
        return;
    end if;

    -- After the locks, so that ids and times rise with the numbers of a room.
    v_first := hum_ids(cardinality(p_slot));
    v_now := date_trunc('milliseconds', clock_timestamp());

    insert into messages (room_id, seq, id, sender_id, kind, nonce, dedup_key, text, ref_seq, sent_at)
    select p_room[m.slot], v_base[m.slot] + m.rank, v_first + m.ord - 1, m.sender, 1, m.nonce, m.key,
           m.text, m.ref, v_now
    from (select generate_series(1, cardinality(p_slot)) as ord, unnest(p_slot) as slot,
                 unnest(p_rank) as rank, unnest(p_sender) as sender, unnest(p_nonce) as nonce,
                 unnest(p_key) as key, unnest(p_text) as text, unnest(p_ref) as ref) m;
    update rooms set last_seq = last_seq + r.count
    from unnest(p_room, p_count) r(id, count) where rooms.id = r.id;

    return query
    select r.base, v_first, (extract(epoch from v_now) * 1000)::bigint from unnest(v_base) r(base);
end $$;

revoke execute on function hum_append_texts(
    bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], text[], uuid[], text[], bigint[])
    from public;
grant execute on function hum_append_texts(
    bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], text[], uuid[], text[], bigint[])
    to hum_broker_role;
