from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.past import Past, make_past


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    yield from make_past(tmp_path)
