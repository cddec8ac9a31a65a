-- Ids: 63 bits, time-ordered, unique over all kinds of things.
--
--   41 bits  milliseconds since 2024-01-01T00:00:00Z
--    6 bits  node (setting hum.node, 0 unless an operator runs several databases)
--   16 bits  counter within the millisecond
--
-- The sequence holds the last id handed out. It is what keeps ids unique and rising when the clock
-- steps back, also over a restart: the next id is never below the last one plus one.

create sequence hum_last_id as bigint minvalue 0 start 0;

-- Reserves p_count consecutive ids and returns the first. p_count: 1 to 65536.
--
-- Reading and moving the sequence must be one step. The lock that makes it one is taken inside a
-- subtransaction which always ends by an exception: that gives the lock back at once, while the
-- sequence, which no rollback touches, keeps its new value. A lock held to the end of the
-- transaction would let one frozen transaction stop every sender.
create function hum_ids(p_count integer) returns bigint
language plpgsql volatile security definer set search_path = public, pg_temp as $$
declare
    v_node constant bigint := coalesce(nullif(current_setting('hum.node', true), ''), '0')::bigint;
    v_last bigint;
    v_first bigint;
begin
    if p_count not between 1 and 65536 or v_node not between 0 and 63 then
        raise exception 'hum_ids: count % or node % out of range', p_count, v_node;
    end if;
    begin
        perform pg_advisory_xact_lock(hashtext('hum_ids'));
        v_last := (select last_value from hum_last_id);
        v_first := (extract(epoch from clock_timestamp()) * 1000)::bigint - 1704067200000;
        v_first := (v_first << 22) | (v_node << 16);
        if v_first <= v_last then
            if ((v_last >> 16) & 63) = v_node and (v_last & 65535) + p_count <= 65535 then
                v_first := v_last + 1;
            else
                -- The counter would run into the node's bits: borrow the next millisecond.
                v_first := (((v_last >> 22) + 1) << 22) | (v_node << 16);
            end if;
        end if;
        perform setval('hum_last_id', v_first + p_count - 1);
        raise exception using errcode = 'HUM01';
    exception when sqlstate 'HUM01' then
        return v_first;
    end;
end $$;

create function hum_id() returns bigint
language sql volatile as 'select hum_ids(1)';
