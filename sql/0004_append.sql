-- The one way into the log.
--
-- Appends a batch to its rooms. The arrays run in parallel, one element a message; p_kind is the
-- kind of all of them. Locks the rooms in the order of their ids, numbers each room's messages in
-- the order of the arrays, without gaps, and returns one row a message:
--
--   ord      position in the arrays, from 1
--   status   0 appended, 1 known: the original's values follow, 2 the room is locked by somebody
--            else (only when p_wait is false), 3 no such room, 4 p_ref is not in the room
--   seq, id, sent_at_ms    null for statuses 2 to 4
--
-- p_lookup: known dedup keys are looked up under the lock. When it is false the caller knows of no
-- repetition, and the unique index is the guard: a key that is known after all fails the whole call
-- with unique_violation.
-- p_wait: wait for rooms that others have locked (lock_timeout applies), or pass over them.
create function hum_append(
    p_kind smallint, p_room bigint[], p_sender bigint[], p_nonce text[], p_key uuid[],
    p_text text[], p_ref bigint[], p_data jsonb[], p_lookup boolean, p_wait boolean)
returns table (ord integer, status smallint, seq bigint, id bigint, sent_at_ms bigint)
language plpgsql volatile security definer set search_path = public, pg_temp as $$
#variable_conflict use_column
declare
    v_rooms bigint[];
    v_seqs  bigint[];
    v_first bigint;
    v_now   timestamptz;
    v_known integer[] := '{}';
begin
    if p_wait then
        select array_agg(r.id), array_agg(r.last_seq) into v_rooms, v_seqs
        from (select rooms.id, rooms.last_seq from rooms where rooms.id = any (p_room)
              order by rooms.id for no key update) r;
    else
        select array_agg(r.id), array_agg(r.last_seq) into v_rooms, v_seqs
        from (select rooms.id, rooms.last_seq from rooms where rooms.id = any (p_room)
              order by rooms.id for no key update skip locked) r;
    end if;

    -- After the locks, so that ids and times rise with the numbers of a room.
    v_first := hum_ids(cardinality(p_room));
    v_now := date_trunc('milliseconds', clock_timestamp());

    if p_lookup then
        -- A statement of its own: its snapshot is younger than the locks.
        select coalesce(array_agg(m.ord), '{}') into v_known
        from (select b.*, min(b.ord) over (partition by b.room, b.key) as original
              from unnest(p_room, p_key) with ordinality b(room, key, ord)) m
        where m.key is not null and m.room = any (v_rooms)
          and (m.ord > m.original
               or exists (select from messages x where x.room_id = m.room and x.dedup_key = m.key));
    end if;

    return query
    with batch as materialized (
        select m.*, m.ord::integer as pos, l.last_seq,
               l.room is not null and (m.ref is null or m.ref between 1 and l.last_seq)
                   and not m.ord = any (v_known) as fresh
        from unnest(p_room, p_sender, p_nonce, p_key, p_text, p_ref, p_data) with ordinality
                 m(room, sender, nonce, key, text, ref, data, ord)
        left join unnest(v_rooms, v_seqs) l(room, last_seq) on l.room = m.room
    ), numbered as materialized (
        select b.*, b.last_seq + row_number() over (partition by b.room order by b.pos) as new_seq,
               v_first + b.pos - 1 as new_id
        from batch b where b.fresh
    ), appended as (
        insert into messages (room_id, seq, id, sender_id, kind, nonce, dedup_key, text, ref_seq,
                              data, sent_at)
        select n.room, n.new_seq, n.new_id, n.sender, p_kind, n.nonce, n.key, n.text, n.ref,
               n.data, v_now
        from numbered n
    ), moved as (
        update rooms set last_seq = t.top
        from (select n.room, max(n.new_seq) as top from numbered n group by n.room) t
        where rooms.id = t.room
    )
    select n.pos, 0::smallint, n.new_seq, n.new_id, (extract(epoch from v_now) * 1000)::bigint
    from numbered n
    union all
    select b.pos,
           (case when b.last_seq is not null then 4
                 when exists (select from rooms r where r.id = b.room) then 2
                 else 3 end)::smallint,
           null, null, null
    from batch b where not b.fresh and not b.pos = any (v_known);

    if cardinality(v_known) > 0 then
        -- Again a statement of its own: it sees what the one above has just appended, so that a
        -- repetition within the batch finds its original.
        return query
        select m.ord::integer, (case when x.seq is null then 4 else 1 end)::smallint, x.seq, x.id,
               (extract(epoch from x.sent_at) * 1000)::bigint
        from unnest(p_room, p_key) with ordinality m(room, key, ord)
        left join messages x on x.room_id = m.room and x.dedup_key = m.key
        where m.ord = any (v_known);
    end if;
end $$;
