# shellcheck shell=bash
# Whether set-up has anything to do: the last run leaves a stamp with a fingerprint of what it depended on.

STAMP=$CACHE/setup.stamp
INTEGRATION_MANIFEST=custom_components/sokoul/manifest.json

inputs() {
  local files=(requirements/*.txt scripts/setup scripts/lib/*.sh)
  [ ! -e "$INTEGRATION_MANIFEST" ] || files+=("$INTEGRATION_MANIFEST")
  # a virtual environment can't be moved: its place is an input too
  printf '%s %s\n' "$PWD" "$(fingerprint "${files[@]}")"
}

# is_done: whether the last run had the same inputs, and what it made and found is still there
is_done() {
  local path
  [ "$(cat "$STAMP" 2>/dev/null)" = "$(inputs)" ] || return
  [ -x .venv/bin/python ] && [ -x .venv/bin/hass ] && [ -e "$TOOLS_FILE" ] || return
  while IFS='=' read -r _ path; do
    [ -e "$path" ] || return
  done <"$TOOLS_FILE"
}

# fingerprint FILE...: one hash of their names and contents
fingerprint() {
  if have sha256sum; then
    sha256sum "$@" | sha256sum | cut -d' ' -f1
  else
    shasum -a 256 "$@" | shasum -a 256 | cut -d' ' -f1
  fi
}
