"""multipart/form-data (RFC 7578), with names that cannot break out of their place."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

_QUOTED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A", "\0": ""})


class File(Struct, frozen=True):
    field: str
    name: str
    type: str
    data: bytes


def multipart(form: Mapping[str, str], files: Sequence[File], *, boundary: str) -> tuple[str, bytes]:
    """(content type, body). `boundary` must not occur in the data: take 128 random bits."""
    parts = []
    for name, value in form.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name.translate(_QUOTED)}"\r\n\r\n'
        parts.append(f"{head}{value}\r\n".encode("utf-8", "replace"))
    for file in files:
        where = f'name="{file.field.translate(_QUOTED)}"; filename="{file.name.translate(_QUOTED)}"'
        kind = "".join(char for char in file.type if char.isascii() and char.isprintable())
        head = f"--{boundary}\r\nContent-Disposition: form-data; {where}\r\nContent-Type: {kind}\r\n\r\n"
        parts.append(head.encode("utf-8", "replace") + file.data + b"\r\n")
    parts.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", b"".join(parts)
