import pytest

from harness import Stack


@pytest.fixture
def stack(tmp_path):
    with Stack(tmp_path) as running:
        yield running
