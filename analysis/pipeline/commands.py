"""What the commands of `mitosis` do. Each takes the parsed arguments and returns the exit status."""

import json
import sys
import time
from argparse import Namespace
from pathlib import Path

import cv2
import torch
from tqdm import tqdm

from analysis.pipeline import evaluate as evaluation
from analysis.pipeline import release as releasing
from analysis.pipeline import train as training
from analysis.pipeline.calibrate import Calibration
from analysis.pipeline.classifiers.store import WEIGHTS, Model, find_model, list_models, load_model
from analysis.pipeline.errors import PipelineRefused, PixelSizeRefused
from analysis.pipeline.files import write_atomically
from analysis.pipeline.regions import read_geojson
from analysis.pipeline.run import Detector, Settings, plan
from slides.wsi.errors import SlideRefused
from slides.wsi.reader import SlideReader, open_slide


def detect(arguments: Namespace) -> int:
    """Analyses each image; one that cannot be read is named and the others go on."""
    _refuse_equal_stems(arguments.images)
    arguments.out.mkdir(parents=True, exist_ok=True)
    region = None if arguments.region is None else read_geojson(arguments.region)
    model = load_model(_chosen_model(arguments.model))
    failed = 0
    for path in arguments.images:
        try:
            result = detect_one(path, model, arguments, region)
        except (SlideRefused, PipelineRefused, OSError) as error:
            # A slide's refusal names no file, since it is written for the web; here the file must be named.
            _say(f"mitosis detect: {path}: {getattr(error, 'reason', error)}")
            failed += 1
            continue
        target = arguments.out / f"{path.stem}.json"
        write_atomically(target, json.dumps(result, allow_nan=False).encode())
        calls = sum(found["mitosis"] for found in result["detections"])
        area, seconds = result["area_mm2"], result["seconds"]
        _say(f"{target}: {calls} mitoses, {len(result['candidates'])} candidates, {area:.3f} mm², {seconds} s")
    return 1 if failed else 0


def detect_one(path: Path, model: Model, arguments: Namespace, region: list | None) -> dict:
    """The contract of `mitosis detect`: one image's result, JSON-able. Seconds are without loading the model."""
    with open_slide(path) as reader:
        mpp_x, mpp_y, source = pixel_size(reader, arguments.mpp)
        settings = Settings(
            mpp_x,
            mpp_y,
            mode=arguments.mode,
            normaliser=arguments.normaliser or model.card.normaliser,
            region_l0=region,
            threshold=arguments.threshold,
        )
        detector = Detector(model, settings, device=arguments.device)
        _warn_of_scale(path, (mpp_x + mpp_y) / 2, model.card.mpp)
        started = time.perf_counter()
        work = plan(reader, settings, model.card)
        tiles = tqdm(work.tiles, path.name, unit="tile", disable=not sys.stderr.isatty(), leave=False)
        results = [detector.tile(reader, work, tile) for tile in tiles]
        seconds = time.perf_counter() - started
        info = reader.info
    return {
        "image": str(path),
        "width": info.width,
        "height": info.height,
        "mpp": (mpp_x + mpp_y) / 2,
        "mpp_x": mpp_x,
        "mpp_y": mpp_y,
        "mpp_source": source,
        "model": model.name,
        "model_sha256": model.sha256,
        "mode": arguments.mode,
        "normaliser": settings.normaliser,
        "device": detector.device,
        "threshold": detector.threshold,
        "area_mm2": work.area_mm2,
        "seconds": round(seconds, 3),
        "candidates": [{"x_l0": x, "y_l0": y} for result in results for x, y in result.candidates],
        "detections": [dict(found.__dict__) for result in results for found in result.detections],
    }


def pixel_size(reader: SlideReader, given: float | None) -> tuple[float, float, str]:
    """mpp_x, mpp_y and where they come from: `given` on the command line, else `file`. Raises PixelSizeRefused."""
    if given is not None:
        return given, given, "given"
    if reader.info.mpp_x is None or reader.info.mpp_y is None:
        reason = " ".join(reader.info.hints)
        raise PixelSizeRefused(f"{reason} Give it in µm per pixel with --mpp.".strip())
    return reader.info.mpp_x, reader.info.mpp_y, "file"


def _warn_of_scale(path: Path, mpp: float, model_mpp: float) -> None:
    """Says so where the image is much finer or coarser than what the network was trained on."""
    if not 0.8 <= mpp / model_mpp <= 1.2:
        _say(f"{path}: {mpp:.3g} µm/px is far from the model's {model_mpp:g}; it is resampled; results are less sure.")


def _refuse_equal_stems(paths: list[Path]) -> None:
    """Two inputs that would write the same file: the second would replace the first's result without a word."""
    seen: dict[str, Path] = {}
    for path in paths:
        if path.stem in seen:
            raise PipelineRefused(
                f"{seen[path.stem]} and {path} would both write {path.stem}.json; analyse them into different folders."
            )
        seen[path.stem] = path


def _chosen_model(name_or_path: str | None) -> Path:
    if name_or_path is not None:
        return find_model(name_or_path)
    shipped = list_models()
    if not shipped:
        raise PipelineRefused("No model is at hand; name one with --model.")
    return shipped[-1].path


def models(arguments: Namespace) -> int:
    """Lists the shipped versions."""
    shipped = list_models()
    if arguments.json:
        rows = [
            {
                "name": m.name,
                "parameters": m.card.parameters,
                "sha256": m.sha256,
                "threshold": m.card.threshold,
                "metrics": m.card.metrics,
            }
            for m in shipped
        ]
        print(json.dumps(rows, indent=1))  # noqa: T201
    else:
        for m in shipped:
            facts = f"{m.card.parameters:,} parameters  threshold {m.card.threshold:g}  sha256 {m.sha256[:12]}"
            print(f"{m.name}  {facts}  {m.card.notes}")  # noqa: T201
    return 0


def train(arguments: Namespace) -> int:
    """Trains the run of a configuration file."""
    # OpenCV's own threads would fight with torch's over the same cores.
    cv2.setNumThreads(0)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    config = training.TrainConfig.from_toml(arguments.config)
    _say(f"{training.train(config, arguments.data, arguments.runs)} is finished")
    return 0


def evaluate(arguments: Namespace) -> int:
    """Scores whole frames; prints the figures at the card's threshold, at the best one for a run that has none yet."""
    run = arguments.runs / arguments.model
    is_run = (run / "weights.safetensors").is_file()
    model = releasing.model_of_run(run) if is_run else load_model(find_model(arguments.model))
    if is_run:
        _refuse_seen_slides(run, arguments.slides)
    scores = evaluation.score_frames(model, arguments.data, tuple(arguments.slides), arguments.normaliser)
    if arguments.scores:
        evaluation.save_scores(scores, arguments.scores)
    calibration = Calibration(model.card.temperature, model.card.bias)
    threshold = evaluation.best_threshold(scores, calibration) if is_run else model.card.threshold
    if arguments.into_card and not is_run:
        figures = releasing.add_report(find_model(arguments.model), arguments.into_card, scores)
    else:
        figures = evaluation.report(scores, calibration, threshold)
    print(json.dumps(figures, indent=1))  # noqa: T201
    return 0


def _refuse_seen_slides(run: Path, slides: list[str]) -> None:
    seen = set(json.loads((run / "run.json").read_text())["config"]["slides"]) & set(slides)
    if seen:
        raise PipelineRefused(
            f"{run.name} was trained on {', '.join(sorted(seen))}; figures from there would say nothing."
        )


def release(arguments: Namespace) -> int:
    """Makes a model version of a run."""
    folder = WEIGHTS if arguments.out is None else arguments.out
    path = releasing.release(
        arguments.name, arguments.runs / arguments.run, arguments.left_out, folder, arguments.notes
    )
    _say(f"{path} with its card; threshold {load_model(path).card.threshold:g}")
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201
