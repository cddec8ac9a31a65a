# Fills in mosquitto.conf. Sourced, by ./hum and by the broker's container.
# shellcheck shell=bash

# broker_conf TEMPLATE NAME=VALUE...: prints the template with each @NAME@ replaced. SOCKET_DOMAIN follows
# from BIND.
broker_conf() {
    local text pair domain=ipv4
    text=$(cat -- "$1")
    shift
    for pair in "$@"; do
        text=${text//"@${pair%%=*}@"/"${pair#*=}"}
        if [[ $pair == BIND=*:* ]]; then domain=ipv6; fi
    done
    text=${text//@SOCKET_DOMAIN@/$domain}
    if [[ $text =~ @[A-Z_]+@ ]]; then
        echo "mosquitto.conf: ${BASH_REMATCH[0]} has no value" >&2
        return 1
    fi
    printf '%s\n' "$text"
}

# Connections per listener for a limit of $1 open files: half of them each, less what the broker needs.
broker_connections() { echo $((($1 - 256) / 2)); }
