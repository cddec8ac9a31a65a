# Rolling the keys that tokens are signed with. Sourced.
# shellcheck shell=bash

hum_api_keys() { (cd / && as_user env -i PATH=/usr/bin:/bin "$home/app/hum-api" keys "$home/keys" "$@"); }

# kid_of KIND ROLLED: the name of the new key of a kind, from what `hum-api keys DIR roll` has printed.
kid_of() { sed -n "s/^$1 //p" <<< "$2"; }

# The time that a kid says, in seconds since 1970.
kid_seconds() {
    local kid=$1
    date -u +%s -d "${kid:0:4}-${kid:4:2}-${kid:6:2}T${kid:9:2}:${kid:11:2}:${kid:13:2}Z"
}

broker_knows() {
    curl --silent --fail --noproxy '*' --max-time 3 "http://127.0.0.1:$metrics_port/metrics" |
        grep -qx "hum_newest_key_seconds $1"
}

api_shows() {
    curl --silent --fail --noproxy '*' --max-time 3 "http://$(local_host):$http_port/.well-known/jwks.json" |
        grep -qF "\"kid\":\"$1\""
}

# renew PART COMMAND...: has a daemon, if it runs, read its keys anew, and waits until the command succeeds.
renew() {
    local part=$1 pid deadline=$((SECONDS + 60))
    shift
    if ! pid=$(pid_of "$part"); then return; fi
    as_user kill -HUP "$pid"
    until "$@" 2> /dev/null; do
        if ! is_alive "$part"; then die "$part has stopped: see $home/log/$part.log"; fi
        if [ "$SECONDS" -ge "$deadline" ]; then
            die "$part does not take up the new keys, and they do not sign yet: see $home/log/$part.log"
        fi
        sleep 0.05
    done
}

# The broker first: by the time that the control API signs with a key of MQTT, the broker knows it. Should that
# not come about, the key stays one that is to sign next, which the next roll replaces.
roll_keys() {
    local rolled kid seconds
    rolled=$(hum_api_keys roll) || die "the keys in $home/keys stay as they were"
    kid=$(kid_of mqtt "$rolled")
    seconds=$(kid_seconds "$kid")
    renew mosquitto broker_knows "$seconds"
    hum_api_keys use || die "the new key of MQTT could not be put to use"
    kid=$(kid_of api "$rolled")
    renew api api_shows "$kid"
    say "New keys sign from now on. The old ones are good for what they have signed, and go at a later roll."
}

command_keys() {
    if [ "$*" != roll ]; then die "usage: ./hum keys roll"; fi
    load_settings
    check_home_ours
    if ! as_user test -d "$home/keys/mqtt"; then die "there are no keys in $home: ./hum up makes them"; fi
    exec 8< "$home/keys"
    flock -n 8 || die "another ./hum keys roll is at work on $home"
    load_state || true
    roll_keys
}
