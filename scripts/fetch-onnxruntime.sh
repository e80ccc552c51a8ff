#!/usr/bin/env bash
# Puts ONNX Runtime's shared library into .cache/onnxruntime, where Diarist looks for it.
#
#   scripts/fetch-onnxruntime.sh        the CPU build          -> .cache/onnxruntime/cpu
#   scripts/fetch-onnxruntime.sh gpu    the build with CUDA    -> .cache/onnxruntime/gpu
#
# It comes out of the wheel that the ONNX Runtime project publishes on PyPI; of that only the
# libraries are kept. The CUDA build needs CUDA and cuDNN on the machine; what is missing is named.
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION=1.31.1
variant=${1:-cpu}
case "$variant" in
    cpu) package=onnxruntime ;;
    gpu) package=onnxruntime-gpu ;;
    *)
        echo "usage: $0 [cpu|gpu]; given: $variant" >&2
        exit 2
        ;;
esac
folder=.cache/onnxruntime/$variant
stamp=$folder/$package-$VERSION
python=${PYTHON:-python3}

# Names the shared libraries that the CUDA provider needs and the system does not have.
report_missing() {
    local provider=$folder/libonnxruntime_providers_cuda.so missing
    [ "$variant" = gpu ] && [ -e "$provider" ] && command -v ldd > /dev/null || return 0
    missing=$(LD_LIBRARY_PATH=$PWD/$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} ldd "$provider" \
        | sed -n 's/^[[:space:]]*\(.*\) => not found.*/\1/p' | sort -u)
    [ -n "$missing" ] || return 0
    {
        echo "The CUDA build is in $folder, but these libraries that it needs are not installed:"
        sed 's/^/  /' <<< "$missing"
        echo "Install the CUDA toolkit and cuDNN 9 of the versions in their names (NVIDIA's packages,"
        echo "or \`pip install 'onnxruntime-gpu[cuda,cudnn]==$VERSION'\` and LD_LIBRARY_PATH), and an NVIDIA driver."
    } >&2
    return 1
}

if [ -e "$stamp" ]; then
    report_missing
    exit
fi

if ! "$python" -m pip --version > /dev/null 2>&1; then
    echo "$python has no pip, which fetches ONNX Runtime. On Debian or Ubuntu: apt-get install python3-pip" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "fetching $package $VERSION"
# The library does not depend on the Python version its wheel is for, so take one that exists
# whatever Python this is.
if ! "$python" -m pip --disable-pip-version-check download --quiet --no-deps \
    --only-binary=:all: --python-version 3.12 --dest "$work" "$package==$VERSION"; then
    cat >&2 << TEXT
$package $VERSION could not be fetched. There are wheels of it for Linux (x86-64, aarch64; glibc 2.28 or
later)$([ "$variant" = cpu ] && echo ", macOS (arm64) and Windows" || echo " on x86-64"). On a machine without a way to PyPI, put the wheel's capi/libonnxruntime*
into $folder by hand, or name a library by ORT_DYLIB_PATH.
TEXT
    exit 1
fi
rm -rf "$folder"
mkdir -p "$folder"
"$python" - "$work" "$folder" << 'PYTHON'
import glob, os, re, sys, zipfile
work, folder = sys.argv[1:]
wanted = re.compile(r"onnxruntime/capi/((?:lib)?onnxruntime(?:_providers_(?:shared|cuda))?\.(?:so|dylib|dll)[.\d]*|libonnxruntime\.[.\d]+\.dylib)$")
(wheel,) = glob.glob(os.path.join(work, "*.whl"))
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if found := wanted.match(name):
            path = os.path.join(folder, found[1])
            with open(path, "wb") as target:
                target.write(archive.read(name))
            os.chmod(path, 0o755)
            print(path)
PYTHON
touch "$stamp"
report_missing
