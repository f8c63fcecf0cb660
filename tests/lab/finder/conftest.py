"""A small made-up data folder, as the second network's trainings have it."""

from pathlib import Path

import pytest

from tests.lab.train.conftest import write_data


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """Two slides of one frame each, and two crops."""
    return write_data(tmp_path_factory.mktemp("data"))
