# shellcheck shell=bash
# Shared by the scripts: messages, the report at the end, where things are kept. Sourced, with the repository as the
# current folder. Written for bash 3.2 as well, which macOS still has.

CACHE=.cache
SETUP_LOG=$CACHE/setup.log
TOOLS_FILE=$CACHE/tools.env # read by devstack/tools.py
REPORT=$CACHE/setup.report  # "part|what is there" lines

say() { printf 'setup: %s\n' "$*" >&2; }

die() {
  say "error: $*"
  exit 1
}

is_root() { [ "$(id -u)" = 0 ]; }

have() { command -v "$1" >/dev/null 2>&1; }

# private_prefix NAME: where programs of another Debian release are unpacked (as in devstack/tools.py)
private_prefix() {
  if [ -n "${SOKOUL_PREFIX:-}" ]; then
    echo "$SOKOUL_PREFIX/$1"
  elif is_root; then
    echo "/opt/sokoul/$1"
  else
    echo "$HOME/.local/share/sokoul/$1"
  fi
}

# attempt COMMAND...: runs it with its output in the log
attempt() {
  printf '\n$ %s\n' "$*" >>"$SETUP_LOG"
  "$@" >>"$SETUP_LOG" 2>&1 </dev/null
}

# logged COMMAND...: the same, and shows the last lines when it fails
logged() {
  local start status=0
  start=$(($(wc -l <"$SETUP_LOG") + 2))
  attempt "$@" || status=$?
  [ $status = 0 ] || tail -n "+$start" "$SETUP_LOG" | tail -n 15 | sed 's/^/setup:   | /' >&2
  return $status
}

# report PART TEXT: one line of the table that set-up ends with
report() { printf '%s|%s\n' "$1" "$2" >>"$REPORT"; }

# tool NAME PATH: remembers where a program is
tool() { printf '%s=%s\n' "$1" "$2" >>"$TOOLS_FILE.new"; }

show_report() {
  local part text
  while IFS='|' read -r part text; do printf '  %-16s %s\n' "$part" "$text"; done <"$REPORT" >&2
}
