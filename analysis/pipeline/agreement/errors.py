"""What agreement refuses."""

from analysis.pipeline.errors import PipelineRefused


class AgreementRefused(PipelineRefused):
    """Answers or counts of which no agreement can be told."""

    code = "agreement"
