#!/bin/sh
# Installs the packages that a job needs: install-deps.sh build | demo | package | test | long | lint | site | peers
#
# Asks dpkg first, so a second run installs nothing, needs no network and takes no time.
set -eu

build='gcc libc6-dev cmake ninja-build pkg-config librdkafka-dev libzmq3-dev libfyaml-dev
    libsqlite3-dev libpq-dev libcurl4-openssl-dev libssl-dev libmicrohttpd-dev libmosquitto-dev libsodium-dev libjansson-dev zlib1g-dev libncurses-dev libzstd-dev libopenblas-dev'

case "${1:-}" in
build | demo) packages=$build ;;
test) packages="$build g++ libcriterion-dev openssl python3 python3-jsonschema python3-yaml python3-zmq python3-hl7 python3-prometheus-client mkdocs mkdocs-material postgresql mosquitto man-db mandoc tmux zsh fish file prometheus openjdk-17-jdk-headless maven chromium" ;;
package) packages="$build dpkg-dev file lintian" ;;
long) packages='dpkg-dev lintian mmdebstrap systemd-container python3-venv' ;;
site) packages='mkdocs mkdocs-material pngquant' ;;
peers) packages="$build libcriterion-dev libdnnl-dev python3 python3-venv python3-numpy python3-torch" ;;
lint) packages="$build libcriterion-dev clang-14 clang-format clang-tidy" ;;
*)
    echo "usage: $0 build|demo|package|test|long|lint|site|peers" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "Vigil's scripts install packages on Debian 12 only; this system has no apt-get." >&2
    echo "Install what these Debian packages contain, then run the same steps by hand" >&2
    echo "(cmake --preset release && cmake --build --preset release):" >&2
    echo "$packages" | tr -s ' \n' '  ' >&2
    exit 1
fi

# Node of another origin than Debian is as good, and brings npm along.
if [ "$1" = test ] && ! { command -v node && command -v npm; } >/dev/null; then
    packages="$packages nodejs npm"
fi

missing=
for package in $packages; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root=sudo
else
    echo "These packages are missing, and this is neither root nor is there sudo; as root run:" >&2
    echo "    apt-get install$missing" >&2
    exit 1
fi

echo "installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086 # one word per package
$as_root apt-get install -qq -y --no-install-recommends $missing >/dev/null
