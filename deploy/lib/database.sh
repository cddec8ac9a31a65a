# The embedded PostgreSQL cluster, and whichever database Hum uses: owner, migrations, roles. Sourced.
# shellcheck shell=bash

postgres_bin=/usr/lib/postgresql/15/bin

# --- where it is ---------------------------------------------------------------------------------

decode_percent() { printf '%b' "${1//%/\\x}"; }

# Splits HUM_DATABASE_URL (a URL or a conninfo string) so that no password is ever in a command line:
# owner_url is the same without it, PGPASSWORD carries it, daemon_url is without the user as well.
split_database_url() {
    local scheme user query pattern
    if [[ $1 =~ ^(postgres(ql)?://)(([^/@?#]*)@)?([^?]*)(\?(.*))?$ ]]; then
        scheme=${BASH_REMATCH[1]} user=${BASH_REMATCH[4]} query=${BASH_REMATCH[7]}
        daemon_url=$scheme${BASH_REMATCH[5]}
        if [[ $user == *:* ]]; then PGPASSWORD=$(decode_percent "${user#*:}"); fi
        user=${user%%:*}
        if [[ "&$query&" =~ \&password=([^\&]*)\& ]]; then PGPASSWORD=$(decode_percent "${BASH_REMATCH[1]}"); fi
        if [[ "&$query&" =~ \&user=([^\&]*)\& ]]; then user=${BASH_REMATCH[1]}; fi
        query=$(tr '&' '\n' <<< "$query" | grep -Ev '^(user|password)=' | paste -sd '&')
        daemon_url+=${query:+?$query}
        owner_url=$scheme${user:+$user@}${daemon_url#"$scheme"}
    else
        pattern="(^|[[:space:]])(password|user)[[:space:]]*=[[:space:]]*('([^'\\\\]|\\\\.)*'|[^[:space:]']+)"
        daemon_url=$1 user=
        while [[ $daemon_url =~ $pattern ]]; do
            daemon_url=${daemon_url/"${BASH_REMATCH[0]}"/}
            if [ "${BASH_REMATCH[2]}" = user ]; then
                user=${BASH_REMATCH[3]}
            else
                PGPASSWORD=${BASH_REMATCH[3]}
                if [[ $PGPASSWORD == \'*\' ]]; then
                    PGPASSWORD=${PGPASSWORD:1:-1}
                    PGPASSWORD=${PGPASSWORD//\\/}
                fi
            fi
        done
        owner_url=$daemon_url${user:+ user=$user}
    fi
    if [ -n "${PGPASSWORD:-}" ]; then export PGPASSWORD; fi
}

# Sets owner_url, daemon_url and embedded (yes or no).
locate_database() {
    if [ -n "${HUM_DATABASE_URL:-}" ]; then
        embedded=no
        split_database_url "$HUM_DATABASE_URL"
    else
        embedded=yes
        unset "${!PG@}" # the caller's habits with other servers
        owner_url="postgresql:///hum?host=$home/run"
        daemon_url=$owner_url
    fi
}

# psql as the owner of the database. Reads no configuration of the caller's.
owner_psql() {
    (cd / && as_user psql -X -q -v ON_ERROR_STOP=1 -d "$owner_url" "$@")
}

# --- the embedded cluster ------------------------------------------------------------------------

# Made in a folder of its own and renamed, so that an interruption leaves no half of one.
create_cluster() {
    local new="$home/postgres.new"
    if [ -e "$home/postgres" ]; then
        if [ "$(as_user cat "$home/postgres/PG_VERSION" 2> /dev/null)" != 15 ]; then
            die "$home/postgres is not a cluster of PostgreSQL 15"
        fi
        return
    fi
    rm -rf -- "$new"
    private_folder "$new"
    (cd / && as_user "$postgres_bin/initdb" -D "$new" -U "$run_user" --auth-local=peer \
        --auth-host=reject --encoding=UTF8 --locale=C.UTF-8 --data-checksums --no-instructions) \
        > /dev/null < /dev/null || die "initdb failed"
    write_private "$new/pg_hba.conf" << EOF
# The owner by the name of the operating system's user, everybody else by password.
local all         $run_user peer
local replication $run_user peer
local all         all       scram-sha-256
EOF
    mv -- "$new" "$home/postgres"
}

postgres_ready() { as_user "$postgres_bin/pg_isready" -q -h "$home/run" -d postgres; }

# Whether a process of the cluster still runs: each has its folder as the working directory.
cluster_in_use() {
    local cwd
    for cwd in /proc/[0-9]*/cwd; do
        if [ "$(readlink -- "$cwd" 2> /dev/null)" = "$home/postgres" ]; then return 0; fi
    done
    return 1
}

# A killed postmaster whose parent has not reaped it yet is a zombie. PostgreSQL takes its pid for that of a
# running server, and where nobody reaps, for ever. Its lock goes once none of its processes runs.
clear_dead_postmaster() {
    local pid
    pid=$(as_user head -n 1 "$home/postgres/postmaster.pid" 2> /dev/null) || return 0
    if [ ! -e "/proc/$pid" ] || start_time "$pid" > /dev/null; then return 0; fi
    for _ in {1..100}; do
        if ! cluster_in_use; then
            as_user rm -f -- "$home/postgres/postmaster.pid"
            return 0
        fi
        sleep 0.1
    done
    die "processes of a PostgreSQL that was killed still run on $home/postgres"
}

start_postgres() {
    local configuration
    create_cluster
    clear_dead_postmaster
    configuration=$(cat "$here/deploy/postgresql.conf")
    printf '%s\n' "${configuration//@HOME@/"$home"}" > "$home/postgresql.conf"
    spawn postgres env -i PATH=/usr/bin:/bin LANG=C.UTF-8 \
        "$postgres_bin/postgres" -D "$home/postgres" -c "config_file=$home/postgresql.conf"
    wait_for postgres 60 postgres_ready
    owner_url="postgresql:///postgres?host=$home/run" owner_psql > /dev/null << 'EOF'
SELECT 'CREATE DATABASE hum' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'hum') \gexec
EOF
}

# --- any database --------------------------------------------------------------------------------

ensure_password() {
    if as_user test -s "$home/secrets/$1.password"; then return; fi
    head -c 24 /dev/urandom | base64 | tr '+/' '-_' | write_private "$home/secrets/$1.password"
}

# Migrations, passwords, and the two roles that the daemons sign in as.
prepare_database() {
    database=$(owner_psql -At -c 'SELECT current_database()') || die "cannot reach the database"
    (cd / && as_user "$home/app/sql/migrate" "$owner_url") || die "the migrations failed"
    ensure_password broker
    ensure_password api
    (cd / && as_user "$home/app/database-roles" "$owner_url" "$home/secrets") ||
        die "the roles of the daemons could not be made"
}
