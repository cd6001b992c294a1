"""The adapters installed here, by entry point: ours the same way as a stranger's. Only those asked for are imported."""

from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from bridge.contract.errors import BridgeError
from bridge.contract.features import Manifest

if TYPE_CHECKING:
    from bridge.contract.adapter import Adapter

GROUP = "bridge.adapters"


class AdapterBroken(BridgeError):
    """An installed adapter could not be imported, or is none. Its text is for people."""


class FoundAdapters(Mapping[str, Manifest]):
    """Manifests by the name used as `adapter = "…"`. Names are known at once; a manifest is imported when first asked for."""

    def __init__(self, points: Mapping[str, EntryPoint]) -> None:
        self._points = dict(points)
        self._loaded: dict[str, type[Adapter]] = {}

    def __getitem__(self, name: str) -> Manifest:
        """Raises `AdapterBroken` where it is installed but can't be used."""
        return self.adapter(name).manifest

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._points))

    def __len__(self) -> int:
        return len(self._points)

    def __contains__(self, name: object) -> bool:
        return name in self._points

    def adapter(self, name: str) -> "type[Adapter]":
        """The adapter's class. Raises `KeyError` for an unknown name, `AdapterBroken` where it can't be imported."""
        if name not in self._loaded:
            point = self._points[name]
            try:
                loaded = point.load()
            except (ImportError, AttributeError, SyntaxError) as error:
                raise AdapterBroken(f'the adapter "{name}" ({point.value}) can\'t be imported: {error}') from error
            if not isinstance(getattr(loaded, "manifest", None), Manifest):
                raise AdapterBroken(f'the adapter "{name}" ({point.value}) has no manifest')
            self._loaded[name] = loaded
        return self._loaded[name]


def found() -> FoundAdapters:
    return FoundAdapters({point.name: point for point in entry_points(group=GROUP)})
