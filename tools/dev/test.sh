#!/usr/bin/env bash
# Installs dependencies, builds, and passes all tests.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/dev/setup.sh
cmake --preset release >/dev/null
cmake --build --preset release
ctest --preset release -j "$(nproc)" "$@"
