"""The command line `mitosis`; each command is a module of `commands`.

Exit status: 0 all went well, 1 something could not be done (each is named on stderr; the others went on), 2 wrong
usage.
"""

import argparse
import logging
import sys
from importlib import import_module

from analysis.pipeline.errors import PipelineRefused
from slides.wsi.errors import SlideError

COMMANDS = {
    "detect": "find mitotic figures in slides or images, one JSON file each",
    "count": "count mitoses as a protocol asks: its region, score, interval, and what stands in the way",
    "decide": "tell whether a count can still change its score, and which point to judge next",
    "protocols": "list the protocols of counting, or show one with its sources",
    "container": "answer as a container of the MIDOG challenge: /input/inputs.json to /output/mitotic-figures.json",
    "import-detections": "take another detector's output into the product, to be reviewed and compared",
    "train": "train the network; a run that was stopped goes on",
    "compare": "the paper's comparisons, each with one budget for all its arms",
    "recall": "what a finder finds on left-out slides where dark nuclei lie dense",
    "evaluate": "score whole labelled frames that a network was not trained on",
    "gate": "tell whether a candidate is at least as good as the version in use, on a locked set",
    "release": "make a model version of a run, calibrated on slides left out",
    "ood": "check slides against those the network was trained on, or fit the limits",
    "subtypes": "fit the second head of a model: normal or atypical mitosis, and phase",
    "quantise": "see what a version needs to compute in int8, on training slides",
    "data": "check labels, split them by patient, cut patches",
    "explain": "draw what speaks for and against mitosis in a region, or check what such maps are worth",
    "normalise": "show what a stain normaliser does to a picture, or teach a profile of a scanner",
    "reproduce": "the whole chain from data to docs/MODEL.md, from one configuration",
    "models": "list the model versions at hand",
    "convert": "turn a torch file (.pt) into weights of this program, in a process without network or other files",
}


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    chosen = next((word for word in argv if word in COMMANDS), None)
    # Only the chosen command is imported: torch takes seconds, and `mitosis --help` must not.
    command = import_module("analysis.commands" if chosen is None else f"analysis.commands.{chosen.replace('-', '_')}")
    parser = argparse.ArgumentParser(prog="mitosis", description="Find mitotic figures in slides. Research use only.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, help_text in COMMANDS.items():
        added = commands.add_parser(name, help=help_text)
        if name == chosen:
            command.add_arguments(added)
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        return command.run(arguments)
    except (PipelineRefused, SlideError, ValueError, OSError) as error:
        print(f"mitosis {chosen}: {_describe_error(error)}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt as stopped:
        print(f"mitosis {chosen}: {stopped or 'stopped'}", file=sys.stderr)  # noqa: T201
        return 130


def _describe_error(error: Exception) -> str:
    """Its sentence; of what the file system refused, which file and why."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}."
    return str(error)
