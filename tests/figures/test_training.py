from dina.figures.training import plot_training
from tests.figures.conftest import drawn_twice, write_models, write_responses


def test_curves_of_all_seeds_with_chance(tmp_path):
    responses, models = write_responses(tmp_path / "responses", repeats=2), write_models(tmp_path)
    files = drawn_twice(lambda folder: plot_training(responses, models, folder), tmp_path)
    assert set(files) == {"training.svg", "training.png"}
    text = files["training.svg"].decode()
    assert "2 seeds" in text and "identification of 5 validation images" in text and ">chance<" in text
