"""Splits keep a patient in one part, are the same every time, and are written down so that a change is noticed."""

import json
from pathlib import Path

import pytest

from analysis.commands.cli import main
from analysis.lab.datasets import LOOK_ALIKE, MITOSIS, splits
from analysis.lab.datasets.readers import read_labels
from analysis.lab.datasets.records import Label, LabelledImage, count_kinds
from analysis.lab.datasets.splits import SplitConfig, image_key, make_split, read_manifest, refuse_leaks, write_manifest
from analysis.lab.errors import SplitRefused

CONFIGS = Path(splits.__file__).parents[1] / "configs" / "splits"
SHARES = {"train": 0.5, "validation": 0.25, "test": 0.25}


def image(name: str, patient: str | None = None, source: Path = Path("p.csv"), **facts) -> LabelledImage:
    patient = patient or name
    return LabelledImage(name, patient, patient, "p", source, (Label(1, 2, MITOSIS), Label(9, 9, LOOK_ALIKE)), **facts)


def cohort(count: int, **facts) -> list[LabelledImage]:
    """Two images of each patient."""
    return [image(f"{n}{side}", f"patient {n}", **facts) for n in range(count) for side in "ab"]


def keys(split) -> dict[str, list[str]]:
    return {part: [image_key(i) for i in images] for part, images in split.parts.items()}


def test_all_images_of_a_patient_go_to_one_part_and_the_shares_are_kept():
    split = make_split(cohort(20), SplitConfig("s", SHARES))
    cases = {part: {i.case for i in images} for part, images in split.parts.items()}
    assert {part: len(found) for part, found in cases.items()} == {"train": 10, "validation": 5, "test": 5}
    assert sum(map(len, cases.values())) == len(set.union(*cases.values())) == 20
    assert sum(map(len, split.parts.values())) == 40


def test_every_part_sees_each_tumour_and_scanner():
    images = [
        i
        for tumour in ("breast", "lung")
        for scanner in ("A", "H")
        for i in (image(f"{tumour} {scanner} {n}", tumour=tumour, scanner=scanner) for n in range(8))
    ]
    for part in make_split(images, SplitConfig("s", SHARES)).parts.values():
        assert {(i.tumour, i.scanner) for i in part} == {(t, s) for t in ("breast", "lung") for s in ("A", "H")}


def test_a_split_depends_on_its_seed_alone():
    images = cohort(20)
    one, two = (keys(make_split(images, SplitConfig("s", SHARES, seed=3))) for _ in range(2))
    assert one == two
    assert one != keys(make_split(images, SplitConfig("s", SHARES, seed=4)))


def test_unlabelled_images_and_the_reporting_glass_go_nowhere():
    reserved = LabelledImage("H05_00Aa", "H05", "05", "mitos-atypia-14", Path("p.csv"), (Label(1, 2, MITOSIS),))
    other_scan = LabelledImage("A05_00Aa", "A05", "05", "mitos-atypia-14", Path("p.csv"), (Label(1, 2, MITOSIS),))
    split = make_split([*cohort(8), image("z", labelled=False), reserved, other_scan], SplitConfig("s", SHARES))
    assert split.left_out == {"unlabelled": 1, "H05 is for reporting only": 2}
    assert not [name for names in keys(split).values() for name in names if "05_" in name or name == "p/z"]


def test_a_leak_is_refused_by_name():
    with pytest.raises(SplitRefused, match=r"patient p/7 is in train and in test \(image b\)"):
        refuse_leaks({"train": [image("a", "7")], "test": [image("b", "7")]})
    images = [image("a", "7", split="train"), image("b", "7", split="test"), image("c", split="test")]
    with pytest.raises(SplitRefused, match="patient p/7 is in train and in test"):
        make_split(images, SplitConfig("s", {}, files_own=True))


@pytest.mark.parametrize(
    ("images", "config", "said"),
    [
        ([], SplitConfig("s", SHARES), "no labelled patient"),
        ([image("a"), image("b", "a")], SplitConfig("s", SHARES), r"one patient only \(p/a\)"),
        (cohort(2), SplitConfig("s", SHARES), "The part .* holds no mitosis; give it a larger share"),
        (cohort(8, tumour="breast"), SplitConfig("s", SHARES, tumours=("brest",)), "did you mean breast"),
        ([image("a", split="1"), image("b")], SplitConfig("s", {}, files_own=True), "a is in the split '1'"),
    ],
)
def test_a_split_that_cannot_be_is_refused_in_words(images, config, said):
    with pytest.raises(SplitRefused, match=said):
        make_split(images, config)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name = 's'\nshares = { train = 1.0 }\nsed = 3", r"no setting sed \(did you mean seed\?\)"),
        ("name = 's'\nshares = { trian = 1.0 }", r"no part trian \(did you mean train\?\)"),
        ("name = 's'\nshares = { train = 0.7, test = 0.7 }", "not above 0 and together 1"),
        ("name = 's'", "lacks shares"),
        ("name = 's'\nshares = { train = 1.0 }\nseed = 'a'", "seed is 'a', which is no whole number"),
        ("name = ", "is no TOML"),
    ],
)
def test_a_wrong_configuration_is_refused_in_words(tmp_path, content, said):
    (tmp_path / "s.toml").write_text(content)
    with pytest.raises(SplitRefused, match=said):
        SplitConfig.from_toml(tmp_path / "s.toml")


def test_a_manifest_is_read_back_and_a_changed_one_refused(tmp_path):
    labels = tmp_path / "p.csv"
    labels.write_text("x")
    split = make_split(cohort(8, source=labels), SplitConfig("s", SHARES))
    digest = write_manifest(split, tmp_path / "split.json")
    document = json.loads((tmp_path / "split.json").read_text())
    assert document["sha256"] == digest
    assert document["sources"][0]["file"] == "p.csv"
    assert document["counts"]["train"] == {"images": 8, "cases": 4, "mitosis": 8, "look_alike": 8, "other": 0}
    assert read_manifest(tmp_path / "split.json") == {key: part for part, names in keys(split).items() for key in names}
    document["parts"]["test"].append(document["parts"]["train"].pop())
    (tmp_path / "split.json").write_text(json.dumps(document))
    with pytest.raises(SplitRefused, match="was changed since it was written"):
        read_manifest(tmp_path / "split.json")
    (tmp_path / "split.json").write_text("{}")
    with pytest.raises(SplitRefused, match="is no manifest of the form"):
        read_manifest(tmp_path / "split.json")


@pytest.fixture(scope="module")
def midogpp(data_dir):
    return read_labels(data_dir / "formats" / "MIDOG++.json")


@pytest.mark.needs_data
def test_the_papers_split_trains_on_three_tumours_and_tests_on_all_five(midogpp):
    config = SplitConfig.from_toml(CONFIGS / "three-of-five.toml")
    parts = make_split(midogpp, config).parts
    tumours = {part: {i.tumour for i in images} for part, images in parts.items()}
    assert tumours["train"] == tumours["validation"] == set(config.train_tumours)
    assert tumours["test"] == set(config.tumours)
    assert len(tumours["test"]) == 5
    for tumour in tumours["test"] - tumours["train"]:
        held = [i for i in midogpp if i.tumour == tumour and i.labelled]
        assert [i for i in parts["test"] if i.tumour == tumour] == held


@pytest.mark.needs_data
def test_the_papers_final_model_is_of_human_breast_and_neuroendocrine_tumours(midogpp):
    split = make_split(midogpp, SplitConfig.from_toml(CONFIGS / "human-breast-neuroendocrine.toml"))
    images = [i for part in split.parts.values() for i in part]
    assert (len(images), split.left_out["unlabelled"]) == (205, 50)
    assert (count_kinds(images)[MITOSIS], count_kinds(images)[LOOK_ALIKE]) == (2360, 4475)
    assert {part: len(found) for part, found in split.parts.items()} == {"train": 143, "validation": 21, "test": 41}


@pytest.mark.needs_data
def test_the_published_split_of_midogpp_is_kept(midogpp):
    split = make_split(midogpp, SplitConfig.from_toml(CONFIGS / "midogpp-own.toml"))
    assert {part: len(found) for part, found in split.parts.items()} == {"train": 392, "test": 111}


@pytest.mark.needs_data
def test_the_split_command_writes_the_manifest_and_says_what_is_in_it(data_dir, tmp_path, capsys):
    config, out = CONFIGS / "human-breast-neuroendocrine.toml", tmp_path / "split.json"
    labels = data_dir / "formats" / "MIDOG++.json"
    assert main(["data", "split", str(labels), "--config", str(config), "--out", str(out)]) == 0
    told = capsys.readouterr()
    assert "train: 143 images of 143 patients; mitosis 1,651" in told.out
    assert "left out: 50 images (unlabelled)" in told.err
    assert len(read_manifest(out)) == 205


def test_check_tells_when_a_split_no_longer_fits_its_labels(tmp_path, capsys):
    def table(*rows: str) -> str:
        path = tmp_path / "p.csv"
        path.write_text("image,patient,mpp,x,y,label\n" + "".join(f"{row},0.25,1,2,mitosis\n" for row in rows))
        return str(path)

    out = tmp_path / "split.json"
    (tmp_path / "s.toml").write_text("name = 's'\nshares = { train = 0.5, test = 0.5 }")
    main(["data", "split", table("a,1", "b,2", "c,3", "d,4"), "--config", str(tmp_path / "s.toml"), "--out", str(out)])
    assert main(["data", "check", table("a,1", "b,2", "c,3", "d,4"), "--split", str(out)]) == 0
    assert main(["data", "check", table("a,1", "b,2", "c,3", "d,4", "e,5"), "--split", str(out)]) == 0
    assert "1 labelled images are in no part of the split, such as e" in capsys.readouterr().out
    assert main(["data", "check", table("a,1", "b,1", "c,1", "d,1"), "--split", str(out)]) == 1
    assert "patient p/1 is in test and train" in capsys.readouterr().out
    assert main(["data", "check", table("a,1", "b,2", "c,3"), "--split", str(out)]) == 1
    assert "1 images of the split are not among these labels, such as p/d" in capsys.readouterr().out
