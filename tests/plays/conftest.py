"""How often the bridge dies."""

import itertools

import pytest


@pytest.fixture
def blows(request: pytest.FixtureRequest) -> list[tuple[int, bool]]:
    """(commit, whether it is still on disk)."""
    return list(itertools.product(range(1, 1 + request.config.getoption("--crash-points")), (False, True)))
