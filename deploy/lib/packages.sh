# Debian packages. Sourced.
# shellcheck shell=bash

# Prints which packages of the given groups are not installed.
missing_packages() {
    local names
    mapfile -t names < <("$here/deploy/packages" "$@")
    comm -23 <(printf '%s\n' "${names[@]}" | LC_ALL=C sort) \
        <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${names[@]}" 2> /dev/null |
            sed -n 's/^installed //p' | LC_ALL=C sort -u)
}

# How to become root: nothing, sudo, or (in `die`) not at all.
root_command() {
    if [ "$EUID" = 0 ]; then
        echo env
    elif ! command -v sudo > /dev/null; then
        return 1
    elif [ -t 0 ]; then
        echo sudo
    elif sudo -n true 2> /dev/null; then
        echo sudo -n
    else
        return 1
    fi
}

# What /docs is made of, which Debian has not: from npm, if that can be reached. Nothing else waits for it; where it could
# not be fetched, a day goes by before the next start tries again.
ensure_swagger_ui() {
    local folder="$here/build/swagger-ui"
    if [ -n "$(find "$folder/.failed" -mmin -1440 2> /dev/null)" ]; then return; fi
    if [ ! -e "$folder/.fetched" ] && [ -z "${npm_config_registry:-}" ]; then
        (ensure_npm) || warn "there is no npm"
    fi
    if ! quietly "$here/build/swagger-ui.log" "$here/deploy/fetch-swagger-ui" "$folder"; then
        mkdir -p -- "$folder" && touch -- "$folder/.failed"
        warn "Swagger UI could not be fetched: /docs only names the specification. Once npm's registry can be reached:" \
            "rm $folder/.failed, and ./hum up"
    fi
}

# The desktop client, built with packages from npm. As with Swagger UI, nothing waits for a registry that cannot be reached.
ensure_desktop() {
    local folder="$here/build/desktop"
    if [ ! -e "$folder/.built" ] && [ -n "$(find "$folder/.failed" -mmin -1440 2> /dev/null)" ]; then return; fi
    if ! (ensure_npm) || ! quietly "$here/build/desktop.log" "$here/deploy/build-desktop" "$folder"; then
        mkdir -p -- "$folder" && touch -- "$folder/.failed"
        warn "the desktop client could not be built: there is nothing at /. Once npm's registry can be reached:" \
            "rm $folder/.failed, and ./hum up"
    fi
}

# The tests' own packages from npm need one; a machine may have another one than Debian's, which go not together.
ensure_npm() {
    if ! command -v npm > /dev/null; then ensure_packages npm; fi
}

ensure_packages() {
    local missing command
    mapfile -t missing < <(missing_packages "$@")
    if [ ${#missing[@]} = 0 ]; then return; fi
    read -r -a command <<< "$(root_command || true)"
    if [ ${#command[@]} = 0 ]; then
        die "packages are missing and there is no root or sudo to install them:" \
            "apt-get install --no-install-recommends ${missing[*]}"
    fi
    say "installing Debian packages: ${missing[*]}"
    "${command[@]}" "$here/deploy/install-packages" "${missing[@]}" < /dev/null ||
        die "packages were not installed: ${missing[*]}"
}
