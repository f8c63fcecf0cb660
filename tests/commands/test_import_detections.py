"""The command hands over to the product, whose database it does not know."""

from analysis.commands.cli import main


def test_what_the_product_refuses_is_said_and_the_status_is_its(tmp_path, capfd):
    words = [str(tmp_path / "none.csv"), "--slide=2f1d8f0c-9d1c-4b8e-a3b4-000000000000", "--by=nobody", "--dry-run"]
    assert main(["import-detections", *words]) == 1
    assert "There is no file none.csv" in capfd.readouterr().err
