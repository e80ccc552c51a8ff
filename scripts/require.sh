#!/usr/bin/env bash
# Makes sure that the tools the build and the tests need are there. Installs system packages where
# it may (apt-get as root or with password-less sudo); otherwise names what is missing and the
# commands that get it. Quick when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()

has() { command -v "$1" > /dev/null 2>&1; }

check_all() {
    missing=()
    has "${CC:-cc}" || missing+=(cc)
    has "${CXX:-c++}" || missing+=(c++)
    has cmake || missing+=(cmake) # libopus, which decodes Opus, is built with it
    has curl || missing+=(curl)
    # ONNX Runtime's library and the packages that tests compare with come out of Python wheels.
    "${PYTHON:-python3}" -c 'import venv, ensurepip, pip, sys; sys.exit(sys.version_info < (3, 9))' \
        > /dev/null 2>&1 || missing+=(python3)
}

# Packages per package manager, in the order: apt, dnf, pacman, zypper, brew.
packages() {
    local column=$1 tool
    for tool in "${missing[@]}"; do
        case "$tool" in
            cc) echo "gcc libc6-dev|gcc|gcc|gcc|" ;;
            c++) echo "g++|gcc-c++|gcc|gcc-c++|" ;;
            cmake) echo "cmake|cmake|cmake|cmake|cmake" ;;
            curl) echo "curl|curl|curl|curl|curl" ;;
            python3) echo "python3 python3-venv python3-pip|python3 python3-pip|python python-pip|python3 python3-pip|python3" ;;
        esac | cut -d'|' -f"$column"
    done | sort -u | tr '\n' ' '
}

install_with_apt() {
    has apt-get || return 1
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        has sudo && sudo -n true 2> /dev/null || return 1
        sudo=(sudo -n)
    fi
    echo "missing: ${missing[*]}; installing: $(packages 1)"
    # shellcheck disable=SC2046 # the list is split into words on purpose
    "${sudo[@]}" apt-get update -qq \
        && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends $(packages 1)
}

check_all
if [ ${#missing[@]} -gt 0 ]; then
    install_with_apt || true
    check_all
fi
if [ ${#missing[@]} -gt 0 ]; then
    cat >&2 << TEXT
These tools are missing: ${missing[*]}
(python3 must be 3.9 or later, with its modules venv, ensurepip and pip.) Install them with one of:
  Debian, Ubuntu:  sudo apt-get install $(packages 1)
  Fedora, RHEL:    sudo dnf install $(packages 2)
  Arch:            sudo pacman -S $(packages 3)
  openSUSE:        sudo zypper install $(packages 4)
  macOS:           xcode-select --install; brew install $(packages 5)
TEXT
    exit 1
fi

# Rust: rustup reads rust-toolchain.toml and gets that version by itself.
needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
if ! has cargo; then
    cat >&2 << TEXT
cargo is missing: Diarist is built with Rust $needed or later. Install it with:
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
then open a new shell, or run:  . "\$HOME/.cargo/env"
TEXT
    exit 1
fi
found=$(cargo --version | cut -d' ' -f2)
if [ "$(printf '%s\n' "$needed" "${found%%-*}" | sort -V | head -n 1)" != "$needed" ]; then
    echo "cargo is version $found, Diarist needs $needed or later: get it from https://rustup.rs" >&2
    exit 1
fi
