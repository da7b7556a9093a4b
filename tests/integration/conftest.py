import pytest

from harness import Stack


@pytest.fixture
def stack(tmp_path):
    with Stack(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def shared_stack(tmp_path_factory):
    """One stack for tests that only add requests."""
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running
