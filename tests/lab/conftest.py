"""The laboratory's tests take the same model as the pipeline's."""

from tests.pipeline.conftest import model  # noqa: F401 a fixture
