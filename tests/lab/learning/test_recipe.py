"""Recipes: those that come with the program, and what is refused in one."""

from dataclasses import replace

import pytest

from analysis.lab.errors import ConfigRefused
from analysis.lab.learning import recipe as recipes
from analysis.lab.learning.recipe import Original, choose_replay_share, find_recipe, list_recipes, read_recipe
from analysis.lab.learning.trainer import config_of_run

WHERE = ("set", "ab" * 32)


def test_the_recipes_that_come_with_the_program_can_be_used_and_never_name_h05(base):
    known = {each.name: each for each in list_recipes()}
    assert known.keys() == {"fine-tune", "from-scratch"}
    for each in known.values():
        config = config_of_run("x", base, WHERE, each, 1, each.replay, ("ab",))
        assert config.px_at(0) == base.card.patch_px
        assert "H05" not in config.slides
    last = base.card.training["config"]["lr"]
    assert known["fine-tune"].lr == pytest.approx(last / 10), "a tenth of the learning rate of the base's last training"
    assert config_of_run("x", base, WHERE, known["from-scratch"], 1, 0, ()).start == "random"


def test_a_recipe_that_replays_h05_is_refused(base, recipe):
    wrong = replace(recipe, original=Original(slides=("H03", "H05")))
    with pytest.raises(ConfigRefused, match="H05 must not be trained on"):
        config_of_run("x", base, WHERE, wrong, 1, 0.5, ())


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("steps = 600", "step = 600", "step is unknown; did you mean steps"),
        ("replay = 0.5", "replay = 0.9", "replay is 0.9 and replay_at_most 0.8"),
        ('start = "base"', 'start = "bas"', "start is 'bas', but there are base, scratch"),
        ("patience = 8", "patience = 0", "patience is 0"),
        ("held_out = 0.2", "held_out = 0.9", "held_out is 0.9"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_named(tmp_path, old, new, sentence):
    text = (recipes.RECIPES / "fine-tune.toml").read_text()
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(ConfigRefused, match=sentence):
        read_recipe(path)


def test_a_recipe_is_found_by_name_or_file_and_told_apart_by_content(tmp_path):
    known = find_recipe("fine-tune")
    copy = tmp_path / "copy.toml"
    copy.write_text("# another comment\n" + (recipes.RECIPES / "fine-tune.toml").read_text())
    assert find_recipe(str(copy)).sha256 == known.sha256
    copy.write_text(copy.read_text().replace("6e-5", "7e-5"))
    assert find_recipe(str(copy)).sha256 != known.sha256
    with pytest.raises(ConfigRefused, match="no recipe fine-tun, but fine-tune, from-scratch"):
        find_recipe("fine-tun")


def test_no_more_is_replayed_than_the_recipe_allows_and_nothing_without_the_data(recipe):
    assert choose_replay_share(recipe, None, has_original=False) == 0
    assert choose_replay_share(recipe, None, has_original=True) == recipe.replay
    assert choose_replay_share(recipe, 0.25, has_original=True) == 0.25
    with pytest.raises(ConfigRefused, match=r"A replay share of 0.9 is outside what tiny allows: 0 to 0.8"):
        choose_replay_share(recipe, 0.9, has_original=True)
    with pytest.raises(ConfigRefused, match="original data are not at hand"):
        choose_replay_share(recipe, 0.25, has_original=False)
