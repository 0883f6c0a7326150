# What this machine and this user give a process of Gyre. Sourced by the launcher scripts.

say() {
  printf 'gyre: %s\n' "$1" >&2
}

fail() { # EXIT_CODE MESSAGE
  say "$2"
  exit "$1"
}

is_jdk25() {
  [ -x "$1/bin/javac" ] || return 1
  if [ -r "$1/release" ]; then
    grep -q '^JAVA_VERSION="25["+.-]' "$1/release"
  else
    "$1/bin/javac" -version 2>&1 | grep -q '^javac 25\b'
  fi
}

# Sets JAVA_HOME to a JDK 25.
find_jdk() {
  for jdk in "${JAVA_HOME:-}" "$(jdk_on_path)" \
      /usr/lib/jvm/*25* /usr/java/*25* /opt/java/*25* /opt/*jdk*25* /usr/local/*jdk*25* \
      "${HOME:-}"/.sdkman/candidates/java/25* "${HOME:-}"/.jdks/*25* \
      /Library/Java/JavaVirtualMachines/*25*/Contents/Home; do
    if [ -n "$jdk" ] && is_jdk25 "$jdk"; then
      JAVA_HOME=$jdk
      export JAVA_HOME
      return 0
    fi
  done
  fail 64 "no JDK 25 found (JAVA_HOME, PATH, /usr/lib/jvm). Get one from https://adoptium.net or your package manager, or set JAVA_HOME."
}

jdk_on_path() {
  if javac=$(command -v javac 2>/dev/null) && javac=$(readlink -f -- "$javac" 2>/dev/null); then
    dirname -- "$(dirname -- "$javac")"
  fi
}

# The JVM decodes file names and arguments by the locale's character set, and loses what is beyond it.
use_utf8() {
  is_utf8 && return 0
  for name in C.UTF-8 C.utf8 en_US.UTF-8 $(locale -a 2>/dev/null | grep -i 'utf-\{0,1\}8$'); do
    if (LC_ALL=$name && export LC_ALL && is_utf8); then
      LC_ALL=$name
      export LC_ALL
      return 0
    fi
  done
}

is_utf8() {
  if charmap=$(locale charmap 2>/dev/null); then
    [ "$charmap" = UTF-8 ]
  else
    case "${LC_ALL:-${LC_CTYPE:-${LANG:-}}}" in *UTF-8* | *utf8*) true ;; *) false ;; esac
  fi
}

# Sets HOME, where it is missing and known, and GYRE_CACHE, where libraries, rates and builds are kept.
use_cache() {
  if [ -z "${HOME:-}" ]; then
    HOME=$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f6) || HOME=""
    export HOME
  fi
  if [ -z "${GYRE_CACHE:-}" ]; then
    if [ -n "${XDG_CACHE_HOME:-}" ]; then
      GYRE_CACHE=$XDG_CACHE_HOME/gyre
    elif has_home; then
      GYRE_CACHE=$HOME/.cache/gyre
    else
      GYRE_CACHE=$(private_folder)
    fi
  fi
  export GYRE_CACHE
}

has_home() {
  [ -n "$HOME" ] && [ "$HOME" != / ] && [ -d "$HOME" ]
}

# A folder of this user below /tmp: others could have made one of its name to be trusted.
private_folder() {
  folder=${TMPDIR:-/tmp}/gyre-$(id -u)
  mkdir -m 700 -- "$folder" 2>/dev/null || :
  if [ -e "$folder" ] && { [ -L "$folder" ] || [ ! -O "$folder" ]; }; then
    fail 64 "$folder belongs to another user; name a folder with GYRE_CACHE"
  fi
  printf '%s\n' "$folder"
}

# Sets TMPDIR to a folder that can be written.
use_temporary_folder() {
  for folder in "${TMPDIR:-}" /tmp "$GYRE_CACHE/tmp"; do
    case $folder in "$GYRE_CACHE/tmp") mkdir -p -- "$folder" 2>/dev/null || : ;; esac
    if [ -n "$folder" ] && [ -d "$folder" ] && [ -w "$folder" ]; then
      TMPDIR=$folder
      export TMPDIR
      return 0
    fi
  done
  fail 64 "neither /tmp nor $GYRE_CACHE/tmp can be written; name a folder for temporary files with TMPDIR"
}

# The JVM raises the soft limit to the hard one; below this it cannot open its own jars and sockets.
require_open_files() {
  files=$(ulimit -H -n)
  if [ "$files" != unlimited ] && [ "$files" -lt 256 ]; then
    fail 64 "only $files files may be open at once; Gyre needs 256 (ulimit -n 1024)"
  fi
}
