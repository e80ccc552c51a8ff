#!/usr/bin/env bash
# Checks what is in docker/ as far as that goes without a Docker engine:
#
# 1. hadolint on the Dockerfile, the Compose Specification's schema on compose.yaml;
# 2. every file that a stage copies is there and passes .dockerignore;
# 3. the CPU image's last stages are built by buildah, which needs no daemon, on a clean Debian of debootstrap's making;
#    the program (argument 1) stands in for the compiled one;
# 4. that image's program runs as the image's user on a read-only root: it diarizes a recording, serves, is healthy,
#    and stops when told to.
#
# 3 and 4 need root, and the packages buildah and debootstrap, which are installed where apt-get may be used.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${1:?usage: docker/check.sh PROGRAM}
tools=.cache/docker/bin
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
work=$(mktemp -d)
containers=()
cleanup() {
    for container in "${containers[@]}"; do buildah rm "$container" > /dev/null || true; done
    rm -rf "$work"
}
trap cleanup EXIT

echo "lint"
"$tools/hadolint" docker/Dockerfile
"$tools/check-jsonschema" --builtin-schema vendor.compose-spec docker/compose.yaml

if [ "$(id -u)" -ne 0 ]; then
    echo "the image is replayed as root alone: sudo make docker-check" >&2
    exit 1
fi
if ! command -v buildah debootstrap > /dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends buildah debootstrap
fi

echo "sources of every COPY"
{
    echo "FROM scratch"
    grep -E '^COPY [^-]' docker/Dockerfile | sed -E 's|^COPY (.*) [^ ]+$|COPY \1 /sources/|'
} > "$work/Dockerfile.sources"
buildah bud --quiet --file "$work/Dockerfile.sources" . > /dev/null

echo "clean Debian"
base=localhost/diarist-base
if ! buildah inspect --type image $base > /dev/null 2>&1; then
    debootstrap --variant=minbase bookworm "$work/root" > "$work/debootstrap.log" || {
        tail "$work/debootstrap.log" >&2
        exit 1
    }
    container=$(buildah from scratch)
    containers+=("$container")
    cp -a "$work/root/." "$(buildah mount "$container")/"
    buildah commit --quiet "$container" $base > /dev/null
fi

echo "last stages of the CPU image"
install -D "$program" "$work/build/out/usr/local/bin/diarist"
scripts/fetch-onnxruntime.sh cpu
install -D -m 644 -t "$work/onnxruntime/out/usr/local/lib" .cache/onnxruntime/cpu/lib*
{
    echo "FROM $base AS base"
    sed -n '/^FROM .* AS base$/,$p' docker/Dockerfile | sed 1d
} > "$work/Dockerfile"
buildah bud --quiet --pull-never --file "$work/Dockerfile" --target cpu --format docker \
    --build-context "build=$work/build" --build-context "onnxruntime-cpu=$work/onnxruntime" \
    --build-context "onnxruntime-cuda=$work/onnxruntime" --tag localhost/diarist:cpu . > /dev/null
user=$(buildah inspect --type image --format '{{.Docker.Config.User}}' localhost/diarist:cpu)
[ "$user" = 10001:10001 ] || { echo "the image's user is $user" >&2; exit 1; }

echo "running it on a read-only root"
container=$(buildah from --pull-never localhost/diarist:cpu)
containers+=("$container")
root=$(buildah mount "$container")
install -m 644 tests/fixtures/two-voices.flac "$root/two-voices.flac"
unshare --mount docker/run-read-only.sh "$root" "$user"
echo "docker-check: passed"
