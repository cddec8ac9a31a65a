-- An index of trigrams has no cursor: it is read to the end before the first row comes, so a trigram that very many
-- names hold makes a search as long as there are names. Planner's statistics tell which those are: a piece of a key is
-- looked for by the index only where one of its trigrams is in no more than 10,000 names. What is left out that way are
-- names that hold a word as common as that somewhere inside; those that begin with it are found as before.
alter table users alter nickname_key set statistics 500;
alter table servers alter name_key set statistics 500;

-- As before, without pieces that are too frequent in that column.
create function hum_search_patterns(p_key text, p_table regclass, p_column name) returns text[]
language sql stable set search_path = public, pg_temp as $$
    with known as materialized (
        select greatest(c.reltuples, 0) as rows, s.most_common_vals::text::text[] as common, s.most_common_freqs as shares,
               s.histogram_bounds::text::text[] as others, -- a sample of what is not common
               1 - s.null_frac - coalesce((select sum(f) from unnest(s.most_common_freqs) f), 0) as rest
        from pg_class c
        left join pg_stats s on s.schemaname = 'public' and s.tablename = c.relname and s.attname = p_column
        where c.oid = p_table)
    select array_agg('%' || replace(replace(replace(piece, '\', '\\'), '%', '\%'), '_', '\_') || '%')
    from (select greatest(3, (length(p_key) - 1) / 2) as size) s,
         lateral (values (left(p_key, size)), (right(p_key, size))) v(piece)
    where exists (
        select from known, generate_series(1, length(piece) - 2) at, substr(piece, at, 3) trigram
        where trigram ~ '^[[:alnum:]]{3}$'
              and 10000 >= known.rows * (
                  coalesce((select sum(share) from unnest(known.common, known.shares) m(name, share)
                            where strpos(name, trigram) > 0), 0)
                  + coalesce(known.rest * (select avg((strpos(name, trigram) > 0)::int) from unnest(known.others) name), 0)))
$$;

create or replace function hum_similar_users(p_key text)
returns table (id bigint, nickname_key text, rank integer)
language sql stable security definer set search_path = public, pg_temp as $$
    select c.id, c.nickname_key, 10001 - (c.likeness * 10000)::integer
    from (select n.id, n.nickname_key, word_similarity(p_key, n.nickname_key) as likeness
          from (select l.id, l.nickname_key
                from hum_users_like(hum_search_patterns(p_key, 'users', 'nickname_key')) l
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
          from (select l.id, l.name_key from hum_servers_like(hum_search_patterns(p_key, 'servers', 'name_key')) l
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

drop function hum_search_patterns(text);
revoke execute on all functions in schema public from public;
