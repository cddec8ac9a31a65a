# Two people chat, with nothing but stock tools: curl, mosquitto_pub, mosquitto_sub. Sourced.
# shellcheck shell=bash

step_number=0
headline() {
    step_number=$((step_number + 1))
    printf '\n%d. %s\n' "$step_number" "$*"
}

# Shows a command as one would type it, long tokens cut.
show() {
    local word line=
    for word in "$@"; do
        if [ ${#word} -gt 60 ] && [[ $word =~ ^(Authorization: Bearer )?[A-Za-z0-9_.-]+$ ]]; then
            word=${word:0:$((${#BASH_REMATCH[1]} + 12))}…
        fi
        if [[ $word =~ ^[A-Za-z0-9_./:@=…-]+$ ]]; then line+=" $word"; else line+=" '$word'"; fi
    done
    printf '   $%s\n' "$line"
}

# call TOKEN METHOD PATH [BODY]: shows and makes a REST call; the answer is left in $answer.
call() {
    local token=$1 command=(curl -s -X "$2" "$base$3")
    if [ -n "$token" ]; then command+=(-H "Authorization: Bearer $token"); fi
    if [ $# -gt 3 ]; then command+=(-H 'Content-Type: application/json' -d "$4"); fi
    show "${command[@]}"
    answer=$("${command[@]}" --noproxy '*' --fail-with-body --max-time 20) ||
        die "the call failed: ${answer:-no answer}"
}

field() { jq -r "$1" <<< "$answer"; }

# What is known of each person, by first name.
declare -A token id client password output

sign_up() {
    local nickname="$1-$run_tag"
    call '' POST /v1/auth/register \
        "{\"email\":\"$nickname@example.org\",\"password\":\"correct horse $run_tag\",\"nickname\":\"$nickname\"}"
    token[$1]=$(field .access_token)
    id[$1]=$(field .user.id)
    client[$1]=$(field .mqtt.client_id)
    password[$1]=$(field .mqtt.password)
    printf '   → user %s, session %s\n' "${id[$1]}" "$(field .session_id)"
}

# listen NAME: starts mosquitto_sub for $messages messages, and returns once the broker has granted the
# subscription, which the debug output shows. On a busy machine the broker may not have loaded the
# rights of somebody who has just signed up, and turns them away: they come again.
listen() {
    local line descriptor try command=(mosquitto_sub -h "$(local_address)" -p "$mqtt_port" -V 5
        -i "${client[$1]}" -u "${id[$1]}" -P "${password[$1]}"
        -q 1 -t "dm/$dm/messages" -C "$messages" -W 20 -F "message %p")
    show "${command[@]}"
    for try in 0 0.1 0.2 0.5 1 2 4; do
        sleep "$try"
        exec {descriptor}< <(exec stdbuf -oL "${command[@]}" -d 2>&1)
        output[$1]=$descriptor
        while read -r -t 20 -u "$descriptor" line; do
            if [[ $line =~ ^Subscribed\ .*:\ [012]$ ]]; then
                printf '   → subscribed\n'
                return
            fi
        done
        exec {descriptor}<&-
    done
    die "$1 could not subscribe: ${line:-mosquitto_sub gave up}"
}

# speak NAME TEXT: under a client id of its own, or it would take over the listening connection.
speak() {
    local message command
    message=$(jq -cn --arg nonce "demo-$RANDOM$RANDOM" --arg text "$2" '{$nonce, $text}')
    command=(mosquitto_pub -h "$(local_address)" -p "$mqtt_port" -V 5
        -i "${client[$1]}:pub" -u "${id[$1]}" -P "${password[$1]}" -q 1 -t "dm/$dm/send" -m "$message")
    show "${command[@]}"
    timeout 20 "${command[@]}" || die "$1 could not publish"
}

# Prints what the mosquitto_sub of NAME received.
heard() {
    local line count=0
    while [ "$count" -lt "$messages" ] && read -r -t 20 -u "${output[$1]}" line; do
        if [[ $line == "message "* ]]; then
            count=$((count + 1))
            printf '   %-6s ← %s\n' "$1" "${line#message }"
        fi
    done
    if [ "$count" -lt "$messages" ]; then die "$1 received $count of $messages messages"; fi
}

run_demo() {
    local base run_tag answer dm messages=3
    base="http://$(local_host):$http_port"
    run_tag=$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')

    headline "Two people sign up over REST"
    sign_up alice
    sign_up bob

    headline "They become friends"
    call "${token[alice]}" POST /v1/friends/requests "{\"user_id\":\"${id[bob]}\"}"
    call "${token[bob]}" POST "/v1/friends/requests/${id[alice]}/accept"
    printf '   → friends\n'

    headline "They open a direct message room"
    call "${token[alice]}" POST /v1/dms "{\"user_id\":\"${id[bob]}\"}"
    dm=$(field .id)
    printf '   → room %s, topic dm/%s\n' "$dm" "$dm"

    headline "Both listen, over MQTT"
    listen alice
    listen bob

    headline "They talk, over MQTT"
    speak alice "Hello Bob, can you hear me?"
    speak bob "Loud and clear."
    speak alice "Then it works."

    headline "What arrived live: numbered, and stored before anybody saw it"
    heard alice
    heard bob

    headline "The same from the history, over REST"
    call "${token[bob]}" GET "/v1/rooms/$dm/messages"
    jq -c '.items[]' <<< "$answer" | sed 's/^/   /'
}

# Its people have no mailboxes.
refuse_mail() {
    if [ "$mail" = on ]; then die "the demo signs people up without mails: it needs an instance without HUM_SMTP_URL"; fi
}

command_demo() {
    load_settings
    refuse_mail
    ensure_packages build run
    if command_status > /dev/null 2>&1; then
        load_state
        refuse_mail
        run_demo
        return
    fi
    say "Hum is not running here: starting it for the demo"
    "$here/hum" up -d
    trap '"$here/hum" down' EXIT
    load_state
    run_demo
    printf '\n'
}
