"""A project whose desk is looked at without a server."""

import shutil
from pathlib import Path

import pytest

from o365lib.places import Places

ROOT = Path(__file__).parents[2]


@pytest.fixture
def places(tmp_path):
    for name in ("parameters", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return Places.find(
        parameters=tmp_path / "parameters", environment={"O365_KEYS": str(tmp_path / "keys")}
    )
