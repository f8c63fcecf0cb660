"""What the pipeline's tests share."""

import pytest

from analysis.pipeline.cards.store import Model, load_model
from tests.pipeline.makers import write_model


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Model:
    """A network with random weights, through the real store."""
    return load_model(write_model(tmp_path_factory.mktemp("model")))
