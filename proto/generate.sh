#!/usr/bin/env bash
# Generates proto/gen from the .proto files beside it. `make proto` runs it; CI runs it and refuses a difference.
set -euo pipefail
cd "$(dirname "$0")"
bin=$(cd ../.venv/bin && pwd)
rm -rf gen/attune gen/buf
mkdir -p gen
PATH="$bin:$PATH" "$bin/python" -m grpc_tools.protoc --proto_path=. \
  --python_out=gen --grpc_python_out=gen --mypy_out=quiet:gen --mypy_grpc_out=quiet:gen \
  $(find attune buf -name '*.proto' | LC_ALL=C sort)
# Messages without a service get an empty grpc file from the plugin: leave those out.
grep -L 'Stub' $(find gen -name '*_pb2_grpc.py') | while read -r empty; do rm -f "$empty" "${empty}i"; done
find gen -type d -not -name '__pycache__' -not -path gen | LC_ALL=C sort | while read -r folder; do touch "$folder/__init__.py"; touch "$folder/py.typed"; done
rm -f gen/__init__.py gen/py.typed
