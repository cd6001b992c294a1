"""The addresses of people's pictures, in the sizes that the server keeps."""

from typing import NamedTuple

from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import Profile

ORIGINAL, PROFILE, STREAM, MINI = 0, 96, 48, 24


class Face(NamedTuple):
    url: str
    size: int


def face(site: Site, who: Profile | None, size: int) -> str:
    """`size` in pixels, `ORIGINAL` for the picture as it came."""
    if who is None or who.picture is None:
        name = {STREAM: "stream", MINI: "mini"}.get(size, "profile")
        return f"{site.base}/theme/neo-gnu/default-avatar-{name}.png"
    return f"{site.base}/avatar/{who.picture.stem.format(size=size or 'original')}.png"


def faces(site: Site, who: Profile | None) -> list[Face]:
    """As they are listed with an author: the original twice where somebody has one (a quirk of this version)."""
    sizes = [(ORIGINAL, PROFILE)] * 2 if who is not None and who.picture is not None else [(PROFILE, PROFILE)]
    return [Face(face(site, who, size), shown) for size, shown in (*sizes, (STREAM, STREAM), (MINI, MINI))]
