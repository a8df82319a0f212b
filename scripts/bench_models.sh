#!/bin/sh
# Prints the models' part of docs/performance.md for this machine: the kernel beside other runtimes.
#
#   scripts/bench_models.sh [--rounds N] [--seconds S]
#
# What Debian does not package is put under build/peers, once: ONNX Runtime into a virtual
# environment, KANN's source out of a Python package that contains it. Without a network the bench
# runs with what there is and says what is missing.
set -eu
cd "$(dirname "$0")/.."

peers=build/peers
mkdir -p "$peers"
if [ ! -x "$peers/venv/bin/python" ]; then
    python3 -m venv "$peers/venv" || rm -rf "$peers/venv"
fi
pip=$peers/venv/bin/pip
if [ -x "$pip" ] && ! "$peers/venv/bin/python" -c 'import numpy, onnx, onnxruntime' 2>/dev/null; then
    "$pip" install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 \
        onnxruntime==1.31.1 || echo 'ONNX Runtime could not be installed' >&2
fi
if [ -x "$pip" ] && [ ! -f "$peers/kann/kann.c" ]; then
    # --no-binary for this package alone: its build requirements come as wheels.
    if "$pip" download --quiet --disable-pip-version-check --no-deps --no-binary cynn \
        --dest "$peers" cynn==0.1.5; then
        tar -xzf "$peers/cynn-0.1.5.tar.gz" -C "$peers"
        mkdir -p "$peers/kann"
        cp "$peers"/cynn-0.1.5/thirdparty/kann/kann.[ch] \
            "$peers"/cynn-0.1.5/thirdparty/kann/kautodiff.[ch] "$peers/kann/"
    else
        echo 'KANN could not be downloaded' >&2
    fi
fi
scripts/build.sh release peers
exec python3 bench/bench_peers.py "$@"
