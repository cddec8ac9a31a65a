# The build. Sourced.
# shellcheck shell=bash

# Runs a command with its output in a log; shows the end of it only if the command fails.
quietly() {
    local log=$1
    shift
    "$@" > "$log" 2>&1 < /dev/null && return
    tail -n 40 -- "$log" >&2
    return 1
}

# build PRESET [TARGET...]: configures and builds; seconds when nothing has changed.
build() {
    local preset=$1 dir="$here/build/$1" targets=()
    shift
    if [ $# -gt 0 ]; then targets=(--target "$@"); fi
    mkdir -p -- "$dir" 2> /dev/null || true
    if ! [ -w "$dir" ]; then die "cannot write to $dir as $(id -un)"; fi
    (
        exec 8> "$dir/.hum-lock"
        flock 8
        cd "$here"
        quietly "$dir/hum-build.log" cmake --preset "$preset" &&
            quietly "$dir/hum-build.log" cmake --build --preset "$preset" "${targets[@]}"
    ) || die "the build failed: $dir/hum-build.log (its end is above)"
}

# The specification, what shows it, and the desktop client, as hum-api serves them.
install_pages() {
    local ui="$here/build/swagger-ui" name
    install -d -m 755 -- "$1"
    install -m 644 -- "$here"/docs/{openapi,asyncapi}.yaml "$here"/control-api/pages/* "$1/"
    for name in swagger-ui-bundle.js swagger-ui.css favicon-32x32.png; do
        if [ -e "$ui/$name" ]; then install -m 644 -- "$ui/$name" "$1/"; fi
    done
    if [ -e "$here/build/desktop/.built" ]; then install -m 644 -- "$here"/build/desktop/desktop* "$1/"; fi
}

# Copies what runs to HUM_HOME/app: a later build cannot change a running instance, and the daemons need
# no way into the checkout.
install_app() {
    local built="$here/build/$preset" app="$home/app"
    rm -rf -- "$app.new"
    install -d -m 755 -- "$app.new" "$app.new/sql"
    install -m 755 -- "$built/broker-plugin/hum-broker.so" "$built/control-api/hum-api" "$app.new/"
    install -m 755 -- "$here/deploy/database-roles" "$app.new/"
    install -m 755 -- "$here/sql/migrate" "$app.new/sql/"
    install -m 644 -- "$here"/sql/*.sql "$app.new/sql/"
    install -m 644 -- "$here/tests/lsan.supp" "$app.new/"
    install_pages "$app.new/pages"
    if [ "$preset" != release ]; then
        gcc -shared -fPIC -O1 -Wl,-z,initfirst -o "$app.new/sanitizer-first.so" "$here/deploy/sanitizer-first.c" ||
            die "deploy/sanitizer-first.c does not compile"
    fi
    rm -rf -- "$app"
    mv -- "$app.new" "$app"
}
