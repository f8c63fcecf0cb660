"""What can be wrong with what a model is made of or measured on: refusals of the pipeline's kind."""

from analysis.pipeline.errors import PipelineRefused


class DatasetRefused(PipelineRefused):
    """Labels that must not be trained on or scored against. `faults` are all that were found, each with its place."""

    code = "dataset"

    def __init__(self, sentence: str, faults: tuple = ()) -> None:
        super().__init__(sentence)
        self.faults = faults


class SplitRefused(PipelineRefused):
    """A split that leaks a patient, or that leaves a part without what it needs."""

    code = "split"


class ConfigRefused(PipelineRefused):
    """A configuration with something unknown, missing or impossible in it."""

    code = "config"


class TrainingRefused(PipelineRefused):
    """A training that cannot begin or go on: data without a class, a loss that is no number, unreadable images."""

    code = "training"


class CheckpointRefused(PipelineRefused):
    """A checkpoint that does not belong to the run, or that could not be written."""

    code = "checkpoint"
