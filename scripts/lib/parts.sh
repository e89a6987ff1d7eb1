# shellcheck shell=bash
# The parts that scripts/setup sets up. Each leaves a line in the report, and tools.env says where programs are.
# set_up_python must succeed; the others say what is skipped and what that means.

# --- Debian packages ---------------------------------------------------------------------------------------------

# wanted_packages: those whose use isn't there yet
wanted_packages() {
  have git || echo git # tests ask it for what is committed
  { have c++ || have g++; } || echo build-essential
  { have python3 && python3 -m pip --version >/dev/null 2>&1; } || have uv || echo python3 python3-pip
  have ffmpeg || echo ffmpeg
  have qbittorrent-nox || echo qbittorrent-nox
  find_chromium >/dev/null || echo chromium
  find_postgresql >/dev/null || echo postgresql
  has_turbojpeg || echo libturbojpeg0
  have ip || echo iproute2 # tests lay tunnels in network namespaces
  # tests start an engine of their own; where systemd runs, its package would start one for good
  have_docker || [ -d /run/systemd/system ] || echo docker.io busybox-static
  [ -d /usr/share/fonts/truetype/dejavu ] || echo fonts-dejavu-core
}

set_up_debian_packages() {
  local wanted
  wanted=$(wanted_packages | xargs)
  if [ -z "$wanted" ] || ! is_debian; then
    return
  elif ! is_root; then
    say "not root, so not installed: $wanted (sudo apt-get install --no-install-recommends $wanted)"
    return
  fi
  say "installing Debian packages: $wanted"
  # servers are started by tests in folders of their own: no cluster, and no server at boot
  if [[ " $wanted " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common ]; then
    mkdir -p /etc/postgresql-common/createcluster.d
    echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/sokoul.conf
  fi
  # shellcheck disable=SC2086  # one word for each package
  install_packages $wanted
}

# --- Python and Home Assistant -----------------------------------------------------------------------------------

set_up_python() {
  local python
  find_python_314 >/dev/null || get_python_314
  python=$(find_python_314)
  is_python_314 .venv/bin/python || logged uv venv --no-project --clear --python "$python" .venv ||
    die "no virtual environment could be made with $python"
  say "installing Python packages"
  integration_requirements >"$CACHE/integration.txt"
  logged uv pip install --python .venv/bin/python --override requirements/override.txt \
    -r requirements/dev.txt -r requirements/components.txt -r "$CACHE/integration.txt" ||
    die "Python packages could not be installed. Some are compiled: is there a C++ compiler? All of it: $SETUP_LOG"
  report "Python" "$(.venv/bin/python -c 'import platform, sys; print(platform.python_version(), "in", sys.base_prefix)')"
  report "Home Assistant" "$(.venv/bin/python -c 'import importlib.metadata as m; print(m.version("homeassistant"))')"
}

# integration_requirements: what Home Assistant would install for the integration
integration_requirements() {
  [ ! -e "$INTEGRATION_MANIFEST" ] || .venv/bin/python -c '
import json, sys
print(*json.load(open(sys.argv[1])).get("requirements", []), sep="\n")' "$INTEGRATION_MANIFEST"
}

# --- the torrent swarm -------------------------------------------------------------------------------------------

set_up_swarm() {
  local python missing="tests with a real torrent swarm skip"
  if ! python=$(find_swarm_python) && ! { attempt uv python install 3.13 && python=$(find_swarm_python); }; then
    report "libtorrent" "skipped: it needs a Python 3.9 to 3.13; $missing"
    return
  fi
  say "installing libtorrent"
  if { is_python .venv-swarm/bin/python "3, 9" "3, 14" || logged uv venv --no-project --clear --python "$python" .venv-swarm; } &&
    logged uv pip install --python .venv-swarm/bin/python -r requirements/swarm.txt &&
    .venv-swarm/bin/python -c 'import libtorrent' >>"$SETUP_LOG" 2>&1; then
    tool SOKOUL_SWARM_PYTHON "$PWD/.venv-swarm/bin/python"
    report "libtorrent" "$(.venv-swarm/bin/python -c 'import libtorrent as l, platform as p; print(l.__version__, "on Python", p.python_version())')"
  else
    report "libtorrent" "skipped: it can't be installed for $python (see $SETUP_LOG); $missing"
  fi
}

# --- the second reader of names ----------------------------------------------------------------------------------

set_up_second_reader() {
  local folder=$CACHE/second-reader
  say "installing parsett"
  # apart from the others, as the integration has it: it asks for an older regex
  if logged uv pip install --python .venv/bin/python --target "$folder" -r requirements/second_reader.txt; then
    tool SOKOUL_SECOND_READER "$PWD/$folder"
    report "parsett" "$(.venv/bin/python -c 'import importlib.metadata as m, sys; print(next(m.distributions(name="parsett", path=sys.argv[1:])).version)' "$folder")"
  else
    report "parsett" "skipped: it can't be installed (see $SETUP_LOG); tests with it skip"
  fi
}

# --- qBittorrent -------------------------------------------------------------------------------------------------

set_up_qbittorrents() {
  # 4.5: no start and stop yet in the API, "Ok." and "Fails." as answers; 5.3: the newest
  set_up_qbittorrent 4 SOKOUL_QBITTORRENT_45 "${SOKOUL_QBITTORRENT_45:-}" qbittorrent45 bookworm
  set_up_qbittorrent 5.3 SOKOUL_QBITTORRENT_53 "${SOKOUL_QBITTORRENT_53:-}" qbittorrent53 "forky testing sid"
}

# set_up_qbittorrent VERSION VARIABLE GIVEN NAME SUITES: given, installed, unpacked before, or unpacked now
set_up_qbittorrent() {
  local version=$1 variable=$2 given=$3 prefix suites=$5 candidate
  prefix=$(private_prefix "$4")
  for candidate in "$given" "$(command -v qbittorrent-nox)" "$prefix/usr/bin/qbittorrent-nox"; do
    if use_qbittorrent "$version" "$variable" "$candidate"; then return; fi
  done
  say "unpacking qBittorrent $version below $prefix"
  unpack_debian "$prefix" "$suites" usr/bin/qbittorrent-nox qbittorrent-nox || true
  if ! use_qbittorrent "$version" "$variable" "$prefix/usr/bin/qbittorrent-nox"; then
    report "qBittorrent $version" "skipped: ${UNPACK_PROBLEM:-what was unpacked has another version}; its tests skip"
  fi
}

# use_qbittorrent VERSION VARIABLE PATH: takes it when it starts and has that version
use_qbittorrent() {
  local found home
  [ -n "$3" ] && [ -x "$3" ] || return
  # even for this it writes its configuration, in which it upgrades what an older version wrote: not that of a person
  home=$(mktemp -d)
  found=$(
    export HOME=$home XDG_CACHE_HOME=$home XDG_CONFIG_HOME=$home XDG_DATA_HOME=$home QT_QPA_PLATFORM=offscreen
    "$3" --version 2>/dev/null | sed -nE 's/^qBittorrent v([0-9.]+).*/\1/p'
  ) || found=
  rm -rf "$home"
  case $found in
  "$1" | "$1".*)
    tool "$2" "$3"
    report "qBittorrent $1" "$found, $3"
    ;;
  *) return 1 ;;
  esac
}

# --- other programs ----------------------------------------------------------------------------------------------

find_chromium() {
  local candidate
  for candidate in "${SOKOUL_CHROMIUM:-}" "$(command -v chromium)" "$(command -v chromium-browser)" "$(command -v google-chrome)"; do
    if [ -n "$candidate" ] && [ -x "$candidate" ]; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

# find_postgresql: the folder of the newest server's programs, which Debian keeps off the PATH
find_postgresql() {
  local initdb
  initdb=$(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1)
  [ -n "$initdb" ] || initdb=$(command -v initdb) || return
  dirname "$initdb"
}

have_docker() { have dockerd && have busybox; }

has_turbojpeg() {
  local pattern
  for pattern in '/usr/lib/*/libturbojpeg.so.0' '/usr/lib*/libturbojpeg.so.0' '/opt/homebrew/lib/libturbojpeg.dylib'; do
    if compgen -G "$pattern" >/dev/null; then return; fi
  done
  return 1
}

set_up_programs() {
  local path
  if path=$(find_chromium); then
    tool SOKOUL_CHROMIUM "$path"
    report "Chromium" "$path"
  else
    report "Chromium" "skipped: not installed; tests of the dashboard skip"
  fi
  if path=$(find_postgresql); then
    tool SOKOUL_POSTGRESQL_BIN "$path"
    report "PostgreSQL" "$path"
  else
    report "PostgreSQL" "skipped: not installed; tests of that database skip"
  fi
  if have_docker; then
    report "Docker" "$(command -v dockerd)"
  else
    report "Docker" "skipped: no dockerd with busybox; tests of a real container engine skip"
  fi
  if have ffmpeg && has_turbojpeg; then
    report "ffmpeg, TurboJPEG" "there"
  else
    report "ffmpeg, TurboJPEG" "skipped: not installed; Home Assistant logs an error about it at each start"
  fi
}
