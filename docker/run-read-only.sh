#!/usr/bin/env bash
# Second half of check.sh, in a mount namespace of its own: ROOT is made read-only but for /data and /tmp, and what the
# image promises is tried in it as USER.
set -euo pipefail
root=$1 user=$2
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

mount --bind "$root" "$root"
mount -t tmpfs -o uid="${user%:*}",mode=750 tmpfs "$root/data"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -o remount,bind,ro "$root"

# A list and not a function, so that the server below is a child of this shell.
inside=(chroot --userspec="$user" "$root" env -i PATH=/usr/local/bin:/usr/bin:/bin DIARIST_DATA_DIR=/data
    DIARIST_LISTEN="127.0.0.1:$port")

if "${inside[@]}" touch /written 2> /dev/null; then
    echo "the root file system is not read-only" >&2
    exit 1
fi
speakers=$("${inside[@]}" diarist diarize /two-voices.flac | cut -d' ' -f8 | sort -u | wc -l)
[ "$speakers" = 2 ] || { echo "two voices came out as $speakers speakers" >&2; exit 1; }

"${inside[@]}" diarist serve & server=$!
for _ in $(seq 60); do
    "${inside[@]}" diarist healthcheck 2> /dev/null && break
    sleep 0.5
done
"${inside[@]}" diarist healthcheck
kill -TERM "$server"
wait "$server"
