# Looking into a running instance: logs, psql. Sourced.
# shellcheck shell=bash

command_logs() {
    local follow=()
    case ${1:-} in
    '') ;;
    -f) follow=(-F) ;;
    *) die "usage: ./hum logs [-f]" ;;
    esac
    load_settings
    check_home_ours
    if ! as_user test -e "$home/log"; then die "there are no logs in $home"; fi
    # shellcheck disable=SC2016 # expanded by the inner shell
    as_user sh -c 'cd "$1" && shift && exec tail -n 40 "$@" -- *.log' _ "$home/log" "${follow[@]}"
}

# The interactive psql keeps its history with the instance.
command_psql() {
    load_settings
    check_home_ours
    locate_database
    if [ "$embedded" = yes ] && ! is_alive postgres; then die "not running on $home: ./hum up -d"; fi
    cd /
    if [ "$EUID" = 0 ]; then export HOME="$home/run"; fi
    as_user psql -X -d "$owner_url" "$@"
}

# --- tokens of other systems ---------------------------------------------------------------------

check_service_name() {
    if ! [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$ ]]; then
        die "a service's name is 1 to 64 letters, digits and _.-, the first no sign, not '$1'"
    fi
}

# The token goes through pipes and variables alone: no command line has it, and the database only its hash.
make_service_token() {
    local token hash made
    check_service_name "$1"
    token=hst_$(head -c 32 /dev/urandom | base64 -w 0 | tr -d '=' | tr '+/' '-_')
    hash=$(printf '%s' "$token" | sha256sum)
    made=$(
        owner_psql -At -v name="$1" -v hash="${hash%% *}" << 'EOF'
INSERT INTO service_tokens (name, hash) VALUES (:'name', decode(:'hash', 'hex')) ON CONFLICT DO NOTHING RETURNING name;
EOF
    ) || die "no token could be made for $1"
    if [ -z "$made" ]; then die "$1 has a token already: ./hum service-token revoke $1 ends it"; fi
    warn "the token of $1, shown this once; ./hum service-token revoke $1 ends it"
    say "$token"
}

list_service_tokens() {
    owner_psql << 'EOF'
SELECT name, created_at::timestamptz(0) AS created, last_used_at::timestamptz(0) AS "last used",
    revoked_at::timestamptz(0) AS revoked FROM service_tokens ORDER BY id;
EOF
}

revoke_service_token() {
    local revoked
    check_service_name "$1"
    revoked=$(
        owner_psql -At -v name="$1" << 'EOF'
UPDATE service_tokens SET revoked_at = now() WHERE name = :'name' AND revoked_at IS NULL RETURNING name;
EOF
    ) || die "the token of $1 could not be revoked"
    if [ -z "$revoked" ]; then die "there is no token of $1, or it is revoked already"; fi
    say "the token of $1 is good no more"
}

command_service_token() {
    local usage="usage: ./hum service-token NAME | list | revoke NAME"
    case $#:${1:-} in
    1:revoke) die "$usage" ;;
    1:* | 2:revoke) ;;
    *) die "$usage" ;;
    esac
    load_settings
    check_home_ours
    locate_database
    if [ "$embedded" = yes ] && ! is_alive postgres; then die "not running on $home: ./hum up -d"; fi
    case $1 in
    list) list_service_tokens ;;
    revoke) revoke_service_token "$2" ;;
    *) make_service_token "$1" ;;
    esac
}
