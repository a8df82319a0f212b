#!/bin/sh
# Builds the Debian packages into build/package/packages, and has lintian look at them where it is
# installed. VIGIL_REVISION=2 makes them revision 2 of the same version.
set -eu
cd "$(dirname "$0")/.."

mkdir -p build
cmake --preset package -DVG_DEBIAN_REVISION="${VIGIL_REVISION:-1}" >build/configure-package.log
cmake --build --preset package --target manual vg_client vigil_client_shared -j "${JOBS:-2}"
rm -rf build/package/packages
(cd build/package && cpack >packages.log) || {
    cat build/package/packages.log >&2
    exit 1
}
if command -v lintian >/dev/null; then
    lintian --allow-root --fail-on error,warning build/package/packages/*.deb
fi
ls build/package/packages
