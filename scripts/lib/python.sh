# shellcheck shell=bash
# Python interpreters and uv: found on this machine, or got.

# ensure_uv: puts uv on the PATH of this script
ensure_uv() {
  PATH=$PATH:$HOME/.local/bin:$HOME/.cargo/bin:$PWD/$CACHE/uv/bin
  export PATH
  have uv && return
  say "getting uv"
  if ! python3 -m pip --version >/dev/null 2>&1; then
    is_root && is_debian && install_packages python3 python3-pip
    python3 -m pip --version >/dev/null 2>&1 ||
      die "uv is missing and there is no pip to get it with: install uv (or python3-pip) and start again"
  fi
  logged python3 -m pip install --target "$CACHE/uv" uv || die "uv could not be installed: install it and start again"
  have uv || die "uv was installed into $CACHE/uv, yet isn't there"
}

# is_python PATH MINIMUM BELOW: whether it is a CPython of that range ("3, 14, 2")
is_python() {
  [ -n "$1" ] && [ -x "$1" ] && "$1" -c "
import sys
raise SystemExit(not (($2) <= sys.version_info < ($3) and sys.implementation.name == 'cpython'))" 2>/dev/null
}

# is_python_314 PATH: new enough, and with the headers that extensions are compiled with
is_python_314() {
  is_python "$1" "3, 14, 2" "3, 15" && "$1" -c '
import os, sysconfig
raise SystemExit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' 2>/dev/null
}

# is_environment PATH: whether it belongs to a virtual environment, perhaps an activated one: none is made from another
is_environment() { ! "$1" -c 'import sys; raise SystemExit(sys.prefix != sys.base_prefix)'; }

# any_python: an interpreter for tools that don't mind which
any_python() { command -v python3 || uv python find --no-project --system 2>/dev/null; }

# python_candidates RANGE NAME...: paths worth a look, one a line
python_candidates() {
  local range=$1 name
  shift
  for name in "$@"; do command -v "$name" || true; done
  ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python 2>/dev/null | sort -rV || true
  uv python find --no-project --system --no-python-downloads "$range" 2>/dev/null || true
}

find_python_314() {
  local candidate
  while IFS= read -r candidate; do
    if is_python_314 "$candidate" && ! is_environment "$candidate"; then
      echo "$candidate"
      return
    fi
  done < <(
    echo "${SOKOUL_PYTHON:-}"
    if is_unpacked "$(private_prefix python314)"; then echo "$(private_prefix python314)/usr/bin/python3.14"; fi
    python_candidates '>=3.14.2,<3.15' python3.14 python3
  )
  return 1
}

# get_python_314: from uv's builds, else Debian's packages
get_python_314() {
  local prefix
  say "no CPython 3.14.2 or newer here: asking uv for one"
  attempt uv python install 3.14 && find_python_314 >/dev/null && return
  prefix=$(private_prefix python314)
  say "uv could not get one: unpacking Debian's below $prefix"
  unpack_debian "$prefix" "forky testing sid" usr/bin/python3.14 python3.14 python3.14-venv python3.14-dev ||
    die "no Python: $UNPACK_PROBLEM. Install CPython 3.14.2 or newer with its headers, or name one in SOKOUL_PYTHON"
  # Debian's pyconfig.h only refers to /usr/include: put the real one in its place
  cp "$prefix/usr/include/$(debian_triplet)/python3.14/pyconfig.h" "$prefix/usr/include/python3.14/pyconfig.h"
  find_python_314 >/dev/null || die "the Python unpacked below $prefix does not run"
}

# find_swarm_python: one that libtorrent has a wheel for
find_swarm_python() {
  local candidate
  while IFS= read -r candidate; do
    if is_python "$candidate" "3, 9" "3, 14" && ! is_environment "$candidate"; then
      echo "$candidate"
      return
    fi
  done < <(python_candidates '>=3.9,<3.14' python3.13 python3.12 python3.11 python3 /usr/bin/python3)
  return 1
}
