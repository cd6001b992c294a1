"""Addresses and media as foreign documents name them: made absolute, made attachments. Pure."""

from urllib.parse import unquote, urljoin, urlsplit

from bridge.model.events import Attachment, Media
from bridge.text.plain import one_line

URL_CAP = 4096
"""Characters of an address that is taken at all."""
_NAME_CAP = 120
_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "svg": "image/svg+xml",
    "bmp": "image/bmp",
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
    "ogv": "video/ogg",
    "mkv": "video/x-matroska",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pdf": "application/pdf",
    "epub": "application/epub+zip",
    "zip": "application/zip",
    "txt": "text/plain",
    "html": "text/html",
    "torrent": "application/x-bittorrent",
}
_KINDS = {"image": Media.IMAGE, "video": Media.VIDEO, "audio": Media.AUDIO}


def absolute(base: str, address: str | None) -> str | None:
    """The address as seen from `base`, where that makes an http or https one; else None."""
    address = "".join((address or "").split())
    if not address or len(address) > URL_CAP or not address.isprintable():
        return None
    try:
        joined = urljoin(base, address)
        parts = urlsplit(joined)
        usable = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return joined if usable else None


def host_of(url: str | None) -> str:
    """The host of an http(s) address in lower case, without its port; empty where it is none."""
    found = absolute("", url)
    return (urlsplit(found).hostname or "").rstrip(".") if found else ""


def site_of(url: str | None) -> str:
    """The host, and the port where it isn't the scheme's own, of an http(s) address; empty where it is none."""
    found = absolute("", url)
    if not found:
        return ""
    parts, host = urlsplit(found), host_of(found)
    host = f"[{host}]" if ":" in host else host
    own = parts.port in (None, {"http": 80, "https": 443}[parts.scheme.lower()])
    return host if own else f"{host}:{parts.port}"


def attachment(
    url: str | None,
    *,
    base: str = "",
    type: str | None = None,
    media: Media | None = None,
    size: int | None = None,
    alt: str | None = None,
    width: int | None = None,
    height: int | None = None,
    duration: int | None = None,
    sensitive: bool = False,
) -> Attachment | None:
    """None where no media could be had from the address. `size` in bytes, `duration` in milliseconds; none below 1 is kept."""
    source = absolute(base, url)
    if source is None:
        return None
    name = one_line(unquote(urlsplit(source).path.rstrip("/").rpartition("/")[2])).strip()[-_NAME_CAP:]
    type = (type or "").partition(";")[0].strip().lower()
    if "/" not in type or not type.isascii() or not type.isprintable():
        guessed = _TYPES.get(name.rpartition(".")[2].lower())
        type = guessed or {Media.IMAGE: "image/jpeg", Media.VIDEO: "video/mp4", Media.AUDIO: "audio/mpeg"}.get(
            media or Media.FILE, "application/octet-stream"
        )
    kind = media or _KINDS.get(type.partition("/")[0], Media.FILE)
    return Attachment(
        source=source,
        name=name or kind.value,
        media=kind,
        type=type,
        size=_positive(size),
        alt=(alt or "").strip() or None,
        width=_positive(width),
        height=_positive(height),
        duration=_positive(duration),
        sensitive=sensitive,
    )


def number(text: object) -> int | None:
    """A count as documents write it ("640", "640px", 640, "640.0"); None where it is none or absurd."""
    if isinstance(text, bool) or text is None:
        return None
    digits = str(text).strip().lower().removesuffix("px").partition(".")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None


def _positive(value: int | None) -> int | None:
    return value if value is not None and 0 < value < 1 << 53 else None
