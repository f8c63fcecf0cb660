"""A folder on the command line: its slides, whatever lies beside them."""

import shutil

from analysis.commands.common import slides_at
from slides.wsi.reader import open_slide
from tests.wsi import makers
from tests.wsi.dicom_makers import series_among_others
from tests.wsi.makers_parts import mirax


def test_each_series_of_a_folder_is_a_slide_and_the_rest_is_named(tmp_path, capsys):
    folder = tmp_path / "export"
    folder.mkdir()
    series_among_others(folder)
    found = slides_at(folder)
    assert [(each.stem, [path.name for path in each.files]) for each in found] == [
        ("export-1", ["a0.dcm", "a1.dcm"]),
        ("export-2", ["b0.dcm"]),
    ]
    assert "left out, since they are no slides: list.dcm, preview.jpg" in capsys.readouterr().err


def test_a_folder_with_one_slide_names_the_result_and_several_slides_name_theirs(tmp_path):
    mirax(tmp_path, "B2")
    (one,) = slides_at(tmp_path)
    assert (one.stem, one.path, one.files[0].name, len(one.files)) == (tmp_path.stem, tmp_path, "B2.mrxs", 4)
    shutil.move(makers.svs(tmp_path), tmp_path / "A1.svs")
    assert [each.stem for each in slides_at(tmp_path)] == ["A1", "B2"]
    for each in slides_at(tmp_path):
        open_slide(each.files).close()


def test_a_folder_without_a_slide_says_so_in_words(tmp_path, capsys):
    from analysis.commands.cli import main

    (tmp_path / "notes.txt").write_text("no slide")
    assert main(["detect", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "a text file, not a slide" in said and "Traceback" not in said
