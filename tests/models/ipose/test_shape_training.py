"""PartNet on a tiny Full_Parts."""

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from semsyn.errors import InputError
from semsyn.models import get_family
from semsyn.models.ipose.shape_training import ShapeRecipe, ShapeTraining
from semsyn.train.schedule import Cycles, Epochs
from tests.models.small import SMALL

CONFIG = SMALL["ipose"]
CATEGORIES = (1, 8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Squares in halves: six to learn from, two cats and two of category 1 unseen."""
    root = tmp_path_factory.mktemp("parts")
    rng = np.random.default_rng(0)

    def write(place, name, side):
        place.mkdir(parents=True, exist_ok=True)
        ids = np.zeros((64, 64), dtype=np.uint8)
        ids[10 : 10 + side, 10 : 10 + side], ids[10 : 10 + side // 2, 10 : 10 + side] = 2, 1
        Image.fromarray(ids).save(place / f"{name}_part.png")
        Image.fromarray((ids > 0).astype(np.uint8) * 255).save(place / f"{name}_label.png")

    for category in CATEGORIES:
        for i in range(3):
            write(root / "support_shape" / "3" / str(category), f"{i}", 30 + i)
        for split, count in (("train", 6), ("val", 2)):
            for i in range(count):
                write(root / str(category) / split, f"{i:02d}", int(rng.integers(16, 44)))
    for path in (root / "support_shape").rglob("*label.png"):
        path.unlink()
    return root


def make_run(folder, **options):
    run = ShapeRecipe(**{"cycles": Cycles((3,)), "batch": 2, **options}).begin(CONFIG, seed=5)
    run.begin({"parts": folder})
    return run


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(folder):
    through, first = make_run(folder), make_run(folder)
    shapes = through.load(folder, "train", 0)
    losses = [{k: float(v) for k, v in step.items()} for step in through.learn_from(shapes)]
    next(first.learn_from(shapes))
    second = ShapeTraining(through.recipe, CONFIG, seed=5)
    second.resume(first.state())
    assert [{k: float(v) for k, v in step.items()} for step in second.learn_from(shapes)] == losses[1:]
    found, wanted = second.state(), through.state()
    assert found.pop("given") == wanted.pop("given") == {"parts": str(folder)}
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)
    assert losses[0].keys() == {
        f"{branch}_{kind}" for branch in ("synthesis", "reconstruction") for kind in ("binary", "multiclass")
    }
    assert all(math.isfinite(value) for step in losses for value in step.values())


def test_cats_are_unseen_and_measured_apart(folder, tmp_path):
    run = make_run(folder)
    shapes, unseen = run.load(folder, "train", 0), run.load(folder, "val", 0)
    assert {c for _, _, c in shapes.items} == {1} and {c for _, _, c in unseen.items} == {1, 8}
    run.show(shapes, unseen, tmp_path / "last")
    figures = json.loads((tmp_path / "last.json").read_text())
    assert figures["categories"].keys() >= {"cat"} and 0 <= figures["accuracy"] <= 1
    assert len(figures["categories"]) == 2


def test_epochs_have_the_steps_that_the_shapes_say(folder):
    run = make_run(folder, cycles=Epochs(2))
    with pytest.raises(InputError, match="counts epochs"):
        _ = run.steps
    assert len(list(run.learn_from(run.load(folder, "train", 0)))) == run.steps == 6


def test_weights_begin_as_released(folder):
    run = make_run(folder)
    own = dict(run.network.named_parameters())
    attention = own["layers.0.in_proj_weight"]
    assert attention.abs().max() <= math.sqrt(6 / sum(attention.shape)) + 1e-6
    assert attention.std() > 10 * own["layers.0.out_proj.weight"].std()
    assert all(not p.any() for name, p in own.items() if name.endswith("conv.bias"))


def test_what_is_missing_is_named(folder):
    run = ShapeRecipe().begin(CONFIG, seed=0)
    with pytest.raises(InputError, match=r"starts with parts \(the folder Full_Parts"):
        run.begin({})
    run = make_run(folder, batch=7)
    with pytest.raises(InputError, match="there are 6 shapes to learn from, but a batch holds 7"):
        next(run.learn_from(run.load(folder, "train", 0)))


def test_the_released_recipe():
    recipe = get_family("ipose").recipes["parts"]
    assert (recipe.rate, recipe.betas, recipe.batch, recipe.cycles) == (1e-4, (0.0, 0.999), 6, Epochs(500))
