"""docs/tutorial.md is run: its adapter passes the suite, and stays short enough for a page."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TUTORIAL.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
MODULE = "tests.contract._tutorial"


def load(source: str) -> ModuleType:
    """The page's blocks, one after another, as the module they are written as."""
    spec = importlib.util.spec_from_loader(MODULE, loader=None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    exec(compile(source, str(TUTORIAL), "exec"), module.__dict__)
    return module


TestTincan = load("\n".join(BLOCKS)).TestTincan


def test_the_adapter_of_the_tutorial_stays_within_150_lines() -> None:
    *adapter, rig = BLOCKS
    assert sum(block.count("\n") for block in adapter) <= 150
    assert rig.count("\n") <= 60
