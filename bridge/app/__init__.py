"""The composition root: the only place that knows everybody."""

from bridge.app.main import run

__all__ = ["run"]
