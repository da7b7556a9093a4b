#!/bin/bash
# README's commands, and nothing else, on a bare Debian 12: debootstrap's smallest root in a folder, a fresh clone of HEAD in it,
# then what README's first lines say, as root. Prints the minutes of each.
#
#   tools/bare_root.sh           in a temporary folder, removed at the end
#   tools/bare_root.sh FOLDER    there, and it stays (an existing root is used again, with a new clone)
#
# Wants root, debootstrap, and the network. From this machine it takes along only what the network asks for: proxies and certificates.
set -euo pipefail
project=$(cd "$(dirname "$0")/.." && pwd)
root=${1:-$(mktemp --directory)}
[ $# -gt 0 ] || trap 'rm -rf --one-file-system "$root"' EXIT
mkdir -p "$root"

main() {
  local line0 up test
  { read -r line0; read -r up; read -r test; } < <(sed -n 's/^    \([a-z][^#]*[^# ]\) *#.*/\1/p' "$project/README.md" | head -3)
  [ -e "$root/usr/bin/apt-get" ] || minutes "debootstrap" debootstrap --variant=minbase bookworm "$root" ${MIRROR:-}
  take_network_along
  minutes "$line0" inside "$line0"
  rm -rf "$root/root/beleg"
  git clone --quiet "$project" "$root/root/beleg"
  minutes "$up" inside "$(declare -f until_ready); until_ready $up"
  minutes "$up, again" inside "$(declare -f until_ready); until_ready $up"
  minutes "$test" inside "$test"
  printf '\n%s' "$table"
}

# Runs one line in the root, in a process namespace of its own: what it leaves behind ends with it.
inside() {
  env --ignore-environment HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "${network[@]}" \
    unshare --mount --pid --fork --kill-child bash -c '
      mount -t proc proc "$1/proc" && mount -t sysfs sysfs "$1/sys" && mount -t tmpfs tmpfs "$1/dev/shm"
      mkdir -p "$1/dev/pts" && mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
      exec chroot "$1" bash -c "mkdir -p ~/beleg && cd ~/beleg && $2"' - "$root" "$1" < /dev/null
}

# What a newcomer does with `make up`: waits for the addresses, then Ctrl-C; nothing may be left running.
until_ready() {
  set -m
  : > /tmp/up.log  # there before the job is, for those who read it
  "$@" >> /tmp/up.log 2>&1 &
  local job=$! waited=0
  tail --pid=$job --lines=+1 --follow /tmp/up.log &
  until grep -q '^ledger  *http' /tmp/up.log; do
    kill -0 $job 2> /dev/null && [ $((waited += 1)) -lt 3600 ] || { echo "make up: no addresses"; return 1; }
    sleep 1
  done
  kill -INT -$job
  wait $job || [ $? = 130 ] || return 1
  ! grep --text -l beleg /proc/[0-9]*/comm || { echo "make up: the processes above are left running"; return 1; }
}

# A file of certificates goes to a path of its own: the root's ca-certificates package writes the usual one.
take_network_along() {
  local name
  network=()
  for name in $(compgen -e | grep -iE '_proxy$|_CERT$|_CERT_FILE$|CA_BUNDLE$|CA_CERTS$|^GOPROXY$|^GOSUMDB$|^PIP_INDEX_URL$'); do
    if [ -f "${!name}" ]; then
      install -D --mode=644 "${!name}" "$root/etc/host-network/${!name##*/}"
      network+=("$name=/etc/host-network/${!name##*/}")
    else
      network+=("$name=${!name}")
    fi
  done
  cp /etc/resolv.conf /etc/hosts "$root/etc/"
  [ ! -f /etc/apt/apt.conf ] || cp /etc/apt/apt.conf "$root/etc/apt/"
}

minutes() {  # minutes NAME COMMAND…
  local name=$1 begin=$SECONDS
  echo "=== $name" && shift
  "$@"
  table+=$(printf '%6.1f min  %s' "$(awk "BEGIN { print ($SECONDS - $begin) / 60 }")" "$name")$'\n'
}

table=
main
