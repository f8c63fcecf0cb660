"""What a configuration file may say, and what is said about one that says something else."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.lab.errors import ConfigRefused
from analysis.lab.train import Stage, TrainConfig, learning_rate
from analysis.lab.train import config as configuration
from analysis.lab.train.runs import config_differences
from tests.lab.train.conftest import CONFIG

CONFIGS = Path(configuration.__file__).parents[1] / "configs"


@pytest.mark.parametrize("line", ["hue = 3", "stages = 4", "name = ["])
def test_a_file_with_something_unknown_is_refused_and_named(config_file, line):
    config_file.write_text(CONFIG.replace("stages", "old" if line.startswith("stages") else "stages") + line + "\n")
    with pytest.raises(ConfigRefused, match=r"micro\.toml is no training configuration"):
        TrainConfig.from_toml(config_file)


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("bacth = 4", "bacth is unknown; did you mean batch"),
        ("optimizer = 'adam'", "did you mean optimiser"),
        ("optimiser = 'adamm'", "did you mean adam"),
        ("shares = { positive = 0.4 }", r"shares\.positive is unknown; did you mean positives"),
        ("colour = 'strong'", "colour is 'strong', which is no number"),
        ("seed = 1.5", "seed is 1.5, which is no whole number"),
        ("shares = 3", "shares is 3, which is no table"),
        ("soft_labels = 1", "soft_labels is 1, which is no true or false"),
        ("augmentation = 'paper'", "needs sampling"),
        ("patience = 3", "needs a validation slide"),
        ("lr = 0", "lr is 0"),
        ("momentum = 1.5", "between 0 and 1"),
        ("validation = 'H41'", "no slide H41, but H03, .*; did you mean H1"),
        ("validation = 'H05'", "H05 must not be trained on, it is for reporting only"),
    ],
)
def test_what_was_probably_meant_is_said(config_file, line, meant):
    config_file.write_text(CONFIG + line + "\n")
    with pytest.raises(ConfigRefused, match=meant):
        TrainConfig.from_toml(config_file)


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        (
            'slides = ["H33"]',
            r"micro\.toml .*no slide H33, but H03, H04, .*, A02, A04; did you mean H03",
        ),
        ('slides = ["H03", "H05"]', "H05 must not be trained on, it is for reporting only"),
        (
            'crops = ["midog"]',
            "no crops midog, but midog21, midogpp, midogpp_more, tupac16_crops; did you mean midog",
        ),
        ('crops = ["tupac"]', "there are no crops tupac, but midog21, midogpp, midogpp_more, tupac16_crops$"),
    ],
)
def test_slides_and_crops_that_there_are_not_are_named_with_those_there_are(config_file, line, meant):
    key = line.split(" ")[0]
    config_file.write_text("\n".join(line if old.startswith(key) else old for old in CONFIG.splitlines()))
    with pytest.raises(ConfigRefused, match=meant):
        TrainConfig.from_toml(config_file)


def test_a_missing_key_is_named(config_file):
    config_file.write_text('name = "x"\n')
    with pytest.raises(ConfigRefused, match="stages is missing"):
        TrainConfig.from_toml(config_file)


@pytest.mark.parametrize(
    ("slides", "said"), [(("H03",), "is the only slide"), (("H03", "H04"), "trained on and cannot validate")]
)
def test_a_slide_that_is_trained_on_cannot_validate(config, slides, said):
    with pytest.raises(ConfigRefused, match=said):
        replace(config, slides=slides, validation="H03")


def test_every_configuration_of_the_project_is_readable_and_leaves_out_what_it_says():
    trainings = [path for path in CONFIGS.glob("*.toml") if "stages" in tomllib.loads(path.read_text())]
    configs = {path.stem: TrainConfig.from_toml(path) for path in trainings}
    assert {"base", "final", "paper"} <= configs.keys()
    assert all("H05" not in (*config.slides, config.validation) for config in configs.values())
    assert configs["base"].slides == ()
    # The scanner's run and the final one are the folds' recipe; the final one sees more, so it goes on for longer.
    own = {"name": "", "slides": (), "finder": "", "ema": 0.0, "mine_at": (), "stages": (Stage(100, 1),)}
    folds = [config for name, config in configs.items() if name.startswith("fold-") or name in ("scanner", "final")]
    assert len({replace(config, **own) for config in folds}) == 1
    assert len(folds) == 5


def test_every_network_of_the_project_is_trained_at_one_window_and_averages_little_of_it():
    for name in ("base", "fold-a", "fold-b", "fold-c", "scanner", "final"):
        config = TrainConfig.from_toml(CONFIGS / f"{name}.toml")
        assert {stage.px for stage in config.stages} == {config.mine_px} == {100}
        assert 10 / (1 - config.ema) <= config.stages[-1].steps + 1e-6, name


def test_an_average_that_remembers_another_window_is_refused(config_file):
    two = "stages = [{ px = 64, steps = 640 }, { px = 100, steps = %d }]\nema = 0.995\n"
    lines = [line for line in CONFIG.splitlines() if not line.startswith(("stages", "ema"))]
    config_file.write_text("\n".join(lines) + "\n" + two % 40)
    with pytest.raises(ConfigRefused, match=r"ema is 0.995, an average over 200 steps, .* 40 of 100 px; .* 10 times"):
        TrainConfig.from_toml(config_file)
    config_file.write_text("\n".join(lines) + "\n" + two % 2000)
    assert TrainConfig.from_toml(config_file).px_at(640) == 100


def test_the_papers_recipe_is_the_papers():
    paper = TrainConfig.from_toml(CONFIGS / "paper.toml")
    assert (paper.optimiser, paper.lr, paper.batch, paper.stages[-1].px) == ("adam", 2e-4, 32, 100)
    assert paper.weighted_loss
    assert (paper.sampling, paper.augmentation, paper.mine_at, paper.ema) == ("patches", "paper", (), 0)


def test_the_learning_rate_warms_up_and_falls_to_a_fiftieth():
    config = TrainConfig("x", (), (), (Stage(64, 1000),), lr=1.0, warmup_steps=100)
    rates = [learning_rate(config, step) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == rates[99] == 1.0
    assert rates[-1] == pytest.approx(0.02, abs=1e-3)
    assert learning_rate(replace(config, schedule="constant"), 999) == 1.0


def test_a_run_begun_before_a_field_existed_is_still_the_same_run(config):
    stored = {"name": "micro", "slides": ["H03"], "crops": ["midog21"], "start": "random", "batch": 4}
    stored |= {"stages": [{"px": 32, "steps": 5}, {"px": 48, "steps": 3}], "mine_at": [2], "mine_px": 32}
    stored |= {"warmup_steps": 2, "bfloat16": False, "checkpoint_every": 1, "ema": 0.0, "shares": {"frames": 0.62}}
    assert config_differences(stored, config) == []
    assert config_differences(stored | {"lr": 0.5}, config) == ["lr 0.5 there, 0.001 here"]
    assert config_differences(stored, replace(config, optimiser="sgd")) == ["optimiser None there, sgd here"]
    assert config_differences(stored | {"hue": 1}, config) == ["hue unknown here"]
