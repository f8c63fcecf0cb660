"""The laboratory's tests take the same model and the same one thread as the pipeline's."""

from tests.pipeline.conftest import model, one_thread  # noqa: F401 fixtures
