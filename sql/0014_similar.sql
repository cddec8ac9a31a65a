-- Similar names at a bounded price. The operator %> finds candidates by how many trigrams they share, and looks at each
-- before it knows: where many names have a word in common, a word like it made it read them all. What is taken instead
-- are names that hold a long piece of the key, which the index tells almost exactly, and the neighbours of the key in
-- the order of names, which share its beginning. Only these few thousand are compared.

-- Patterns of the two ends of a key, with a character between them from seven on: whatever one typing error changes, one
-- end is left. Each has a trigram at least; an index of trigrams would be read whole for a pattern without.
create function hum_search_patterns(p_key text) returns text[]
language sql immutable set search_path = public, pg_temp as $$
    select array_agg('%' || replace(replace(replace(piece, '\', '\\'), '%', '\%'), '_', '\_') || '%')
    from (select greatest(3, (length(p_key) - 1) / 2) as size) s,
         lateral (values (left(p_key, size)), (right(p_key, size))) v(piece)
    where piece ~ '[[:alnum:]]{3}'
$$;

-- With a limit, reading all of the table looks cheap to the planner, and is not when few names match: only the index of
-- trigrams is left to these two.
create function hum_users_like(p_patterns text[]) returns table (id bigint, nickname_key text)
language sql stable security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_indexscan = off set enable_indexonlyscan = off as $$
    select id, nickname_key from users where nickname_key like any (p_patterns) limit 2000
$$;

create function hum_servers_like(p_patterns text[]) returns table (id bigint, name_key text)
language sql stable security definer set search_path = public, pg_temp
set enable_seqscan = off set enable_indexscan = off set enable_indexonlyscan = off as $$
    select id, name_key from servers
    where public and deleted_at is null and name_key like any (p_patterns) limit 2000
$$;

-- As before.
create or replace function hum_similar_users(p_key text)
returns table (id bigint, nickname_key text, rank integer)
language sql stable security definer set search_path = public, pg_temp as $$
    select c.id, c.nickname_key, 10001 - (c.likeness * 10000)::integer
    from (select n.id, n.nickname_key, word_similarity(p_key, n.nickname_key) as likeness
          from (select l.id, l.nickname_key from hum_users_like(hum_search_patterns(p_key)) l
                union
                (select u.id, u.nickname_key from users u
                 where u.nickname_key < p_key collate "C" order by u.nickname_key desc limit 500)
                union
                (select u.id, u.nickname_key from users u
                 where u.nickname_key > p_key collate "C" order by u.nickname_key limit 500)) n
          where not starts_with(n.nickname_key, p_key)) c
    where length(p_key) >= 3 and c.likeness >= 0.35
$$;

create or replace function hum_similar_servers(p_key text) returns table (id bigint, name_key text, rank integer)
language sql stable security definer set search_path = public, pg_temp as $$
    select c.id, c.name_key, 10001 - (c.likeness * 10000)::integer
    from (select n.id, n.name_key, word_similarity(p_key, n.name_key) as likeness
          from (select l.id, l.name_key from hum_servers_like(hum_search_patterns(p_key)) l
                union
                (select s.id, s.name_key from servers s
                 where s.public and s.deleted_at is null and s.name_key < p_key collate "C"
                 order by s.name_key desc, s.id desc limit 500)
                union
                (select s.id, s.name_key from servers s
                 where s.public and s.deleted_at is null and s.name_key > p_key collate "C"
                 order by s.name_key, s.id limit 500)) n
          where not starts_with(n.name_key, p_key)) c
    where length(p_key) >= 3 and c.likeness >= 0.35
$$;

revoke execute on all functions in schema public from public;
