"""Writes docs/reference/events.md from the contract, so that the page and the contract cannot disagree.

Usage: python docs/tools/events_page.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from buf.validate import validate_pb2  # noqa: F401 - registers the extension
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

from attune.types.v1 import topic_pb2

DOCS = Path(__file__).parents[1]
PAGE, PROTO = DOCS / "reference/events.md", DOCS.parent / "proto"
HEAD = """# Events

Topics, their keys and what they carry. This page is written by `make reference` from `proto/attune/events/v1`.

A record's value is the message in its JSON form, or in Protobuf with the header `content-type: application/x-protobuf`.
Enum values may be given in short form (`add_to_cart`). The key is placed by murmur2. A topic that is kept compacted
holds the latest record of each key, and a record without a value removes its key.
"""
MESSAGE, ENUM = FieldDescriptorProto.TYPE_MESSAGE, FieldDescriptorProto.TYPE_ENUM
Comments = dict[tuple[int, ...], str]


def page() -> str:
    """The page as it should be."""
    parts = [HEAD, "| topic | key | kept |", "|---|---|---|"]
    topics = sorted(_topics(), key=lambda each: each[0].name)
    for option, _, _, _ in topics:
        kept = topic_pb2.Retention.Name(option.retention).removeprefix("RETENTION_").lower()
        parts.append(f"| [`{option.name}`](#{option.name.replace('.', '')}) | `{option.key}` | {kept} |")
    for option, file, index, comments in topics:
        parts += ["", f"## {option.name}", *_message(file.message_type[index], (4, index), comments)]
        others = [i for i, other in enumerate(file.message_type) if i != index]
        for other in others:
            name = file.message_type[other].name
            parts += ["", f"### {name}", *_message(file.message_type[other], (4, other), comments)]
        for number, enum in enumerate(file.enum_type):
            parts += ["", f"### {enum.name}", comments.get((5, number), ""), "", "| value | |", "|---|---|"]
            prefix = f"{_upper(enum.name)}_"
            for place, value in enumerate(enum.value):
                if value.number:
                    short = value.name.removeprefix(prefix).lower()
                    parts.append(f"| `{short}` | {comments.get((5, number, 2, place), '')} |")
    return "\n".join(parts) + "\n"


def _topics() -> Iterator[tuple[topic_pb2.Topic, FileDescriptorProto, int, Comments]]:
    for file in _files():
        comments = {tuple(at.path): " ".join(at.leading_comments.split()) for at in file.source_code_info.location}
        for index, message in enumerate(file.message_type):
            option = message.options.Extensions[topic_pb2.topic]
            if option.name:
                yield option, file, index, comments


def _files() -> list[FileDescriptorProto]:
    sources = sorted(str(path.relative_to(PROTO)) for path in (PROTO / "attune/events/v1").glob("*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set.bin"
        compiler = [sys.executable, "-m", "grpc_tools.protoc"]  # as a module it brings google/protobuf with it
        options = [f"--proto_path={PROTO}", "--include_source_info", f"--descriptor_set_out={out}"]
        subprocess.run([*compiler, *options, *sources], check=True)  # noqa: S603 - our own arguments
        return list(FileDescriptorSet.FromString(out.read_bytes()).file)


def _message(message: DescriptorProto, path: Sequence[int], comments: Comments) -> Iterator[str]:
    yield comments.get(tuple(path), "")
    yield ""
    yield "| field | type | |"
    yield "|---|---|---|"
    for number, field in enumerate(message.field):
        said = comments.get((*path, 2, number), "").replace("|", "\\|")
        yield f"| `{field.name}` | {_type(field)} | {said} |"


def _type(field: FieldDescriptorProto) -> str:
    if field.type in {MESSAGE, ENUM}:
        name = field.type_name.rsplit(".", 1)[-1]
        if name.endswith("Entry"):  # how a map is written down
            return "map"
    else:
        name = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    return f"list of {name}" if field.label == FieldDescriptorProto.LABEL_REPEATED else name


def _upper(name: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() and at else letter for at, letter in enumerate(name)).upper()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
