#!/usr/bin/env bash
# Writes docs/generated/ from the TableGen descriptions of dialects and passes and from the tools' --help (built tools: QCC_BIN, default
# build/bin). With -c only checks that it is up to date (a test).
set -euo pipefail
cd "$(dirname "$0")/../.."
llvm=${LLVM_PREFIX:-/usr/lib/llvm-22}
out=docs/generated
if [ "${1:-}" = -c ]; then
  out=$(mktemp -d)
  trap 'rm -rf "$out"' EXIT
fi
mkdir -p "$out"

tblgen() { "$llvm/bin/mlir-tblgen" -I include -I "$llvm/include" "$@"; }
for dialect in Graph Kernel Engine; do
  name=${dialect,,}
  # Source positions in the output would change with every edit of a line above.
  tblgen -gen-dialect-doc -dialect="$name" "include/qcc/Dialect/$dialect/${dialect}Ops.td" | grep -v '^\[source\](' > "$out/dialect-$name.md"
done
for group in Quantize Numerics Schedule; do
  tblgen -gen-pass-doc "include/qcc/Transforms/$group/Passes.td" > "$out/passes-${group,,}.md"
done

bin=${QCC_BIN:-build/bin}
{
  echo "# Commands"
  for tool in qcc qcc-run qcc-inspect qcc-eval; do
    printf '\n## %s\n\n```\n' "$tool"
    "$bin/$tool" --help
    echo '```'
  done
} > "$out/commands.md"

if [ "${1:-}" = -c ] && ! diff -ru docs/generated "$out"; then
  echo "docs/generated is stale; run tools/dev/gen-docs.sh" >&2
  exit 1
fi
