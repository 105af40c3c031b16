#!/usr/bin/env bash
# The generated code is that of the contract, and the contract breaks nobody who used the last released one.
set -euo pipefail
cd "$(dirname "$0")"
before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
cp -R gen "$before/"
bash generate.sh
if ! diff -r -q --exclude=__pycache__ "$before/gen" gen; then
  echo "proto/gen was not generated from these .proto files: run make proto and commit the result" >&2
  exit 1
fi
tag=$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)
against=${ATTUNE_BREAKING_AGAINST:-$tag}
if [ -n "$against" ]; then
  ../.venv/bin/buf breaking . --against "$(git rev-parse --show-toplevel)/.git#ref=$against,subdir=proto"
fi
