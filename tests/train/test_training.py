"""Runs: stopped anywhere they go on bit for bit, in pieces and in half precision they learn the same."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from semsyn.errors import InputError
from semsyn.models import CLADEConfig
from semsyn.models.toyscenes import toyscenes_objective
from semsyn.train import Cycles, Recipe, Setup, Trainer
from semsyn.train.folder import FolderPictures, fit_transform
from semsyn.train.lessons import Lessons, source
from semsyn.train.scene_files import find_scenes
from semsyn.train.world import World
from tests.train.conftest import SPACE

CONFIG = CLADEConfig(num_classes=3, image_size=(32, 32), width=1, norm="instance")


def make_recipe(**options) -> Recipe:
    return Recipe(
        **{
            "objective": lambda config: toyscenes_objective(config, has_edges=False, blocks=5.0, colors=2.0, width=2),
            "load": lambda requires, folder, split, count: load(folder, requires),
            "cycles": Cycles((6,)),
            "gain": 1.0,
            "shares_pictures": True,
            **options,
        }
    )


def load(folder: Path, requires: tuple[str, ...] = ("instance_ids",)) -> FolderPictures:
    return FolderPictures(
        files=find_scenes(folder),
        space=SPACE,
        transform=fit_transform((32, 32)),
        size=(32, 32),
        requires=requires,
    )


def learn(folder: Path, steps: int, *, recipe: Recipe | None = None, **setup):
    """The losses of some steps, and the run."""
    run = (recipe or make_recipe()).begin(CONFIG, seed=3, setup=Setup(**setup))
    losses = [values for values, _ in zip(run.learn_from(load(folder)), range(steps), strict=False)]
    return losses, run


@pytest.mark.parametrize("seed", [1, 5, -5, 10**9, 10**17])
def test_any_seed_draws_anew_at_each_step(seed: int) -> None:
    sources = [source(seed, number, of_steps=flag) for number in (0, 1) for flag in (False, True)]
    assert len({tuple(torch.rand(2, generator=source).tolist()) for source in sources}) == 4


def test_processes_share_a_batch_and_cut_pictures_as_one_would(scenes_folder):
    whole, *parts = (
        next(Lessons(load(scenes_folder), 4, 0, Setup(world=world)).from_step(2, 3))
        for world in (World(), World(0, 2), World(1, 2))
    )
    assert torch.equal(torch.cat([lesson.batches[0].real for lesson in parts]), whole.batches[0].real)
    assert all(lesson.pictures == whole.pictures for lesson in parts)


def test_pieces_learn_what_the_whole_batch_does(scenes_folder):
    (whole,), _ = learn(scenes_folder, 1)
    (pieces,), _ = learn(scenes_folder, 1, pieces=2)
    assert pieces.keys() == whole.keys()
    for name, loss in whole.items():
        torch.testing.assert_close(pieces[name], loss, atol=1e-5, rtol=1e-4)
    with pytest.raises(InputError, match="a batch of 4 pictures cannot be shared by 1 processes with 5 pieces"):
        learn(scenes_folder, 1, pieces=5)


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_half_precision_learns_with_scaled_losses(scenes_folder, precision):
    (single,), _ = learn(scenes_folder, 1)
    (half, _), run = learn(scenes_folder, 2, precision=precision)
    for name, loss in single.items():
        torch.testing.assert_close(half[name], loss, atol=0.05, rtol=0.1)
    assert all(torch.isfinite(p).all() for p in run.nets.generator.parameters())
    scalers = {name for name in run.state() if "scaler" in name}
    assert scalers == ({"generator_scaler", "critic_scaler"} if precision == torch.float16 else set())
    again = make_recipe().begin(CONFIG, seed=3, setup=Setup(precision=precision))
    again.resume(run.state())
    if scalers:
        run.nets.scalers[0].update(8.0)
        again.resume(run.state())
        assert again.nets.scalers[0].get_scale() == 8.0 != again.nets.scalers[1].get_scale()


@pytest.mark.slow
def test_a_compiled_run_learns_the_same(scenes_folder):
    plain, _ = learn(scenes_folder, 2)
    compiled, run = learn(scenes_folder, 2, is_compiled=True)
    for mine, theirs in zip(compiled, plain, strict=True):
        for name, loss in theirs.items():
            torch.testing.assert_close(mine[name], loss, atol=1e-3, rtol=1e-3)
    assert not any("_orig_mod" in name for part in run.state().values() if isinstance(part, dict) for name in part)


def test_a_bad_batch_can_be_looked_at(scenes_folder):
    _, run = learn(scenes_folder, 1)
    evidence = run.evidence()
    assert [Path(name).name for name in evidence["names"]] == [f"scene{i}.png" for i in evidence["pictures"]]
    (piece,) = evidence["pieces"]
    assert piece["real"].shape == (4, 3, 32, 32) and piece["layout"]["class_ids"].shape == (4, 32, 32)


def test_other_weights_to_start_from(scenes_folder):
    _, run = learn(scenes_folder, 1)
    fresh = make_recipe().begin(CONFIG)
    fresh.start_from(run.nets.generator)
    for network in (fresh.nets.generator, fresh.average.network):
        for name, value in run.nets.generator.state_dict().items():
            assert torch.equal(network.state_dict()[name], value)
    wider = make_recipe().begin(CLADEConfig(num_classes=4, image_size=(32, 32), width=1, norm="instance"))
    with pytest.raises(InputError, match=r"mine is another network, CLADE, 3 classes, .* trained here, CLADE, 4"):
        wider.start_from(run.nets.generator, name="mine")


SCRIPT = """
import sys, torch
from pathlib import Path
from semsyn.train import Trainer
from tests.train.test_training import CONFIG, load, make_recipe
torch.set_num_threads(1)
folder, out = map(Path, sys.argv[1:])
trainer = Trainer(make_recipe().begin(CONFIG, seed=3), out, every=1, report=print, report_every=1)
trainer.begin()
trainer.train(load(folder), load(folder))
"""


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_bit_for_bit(scenes_folder, tmp_path):
    straight = Trainer(make_recipe().begin(CONFIG, seed=3), tmp_path / "straight", every=2, report=lambda line: None)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        straight.begin()
        straight.train(load(scenes_folder), load(scenes_folder))
    finally:
        torch.set_num_threads(threads)
    command = [sys.executable, "-c", SCRIPT, scenes_folder, tmp_path / "killed"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert any("step 3/6" in line for line in process.stdout)
        os.kill(process.pid, signal.SIGKILL)
    done = torch.load(tmp_path / "killed" / "state.pt", weights_only=True)["run"]["step"]
    assert 2 <= done < 6
    subprocess.run(command, check=True, cwd=root, stdout=subprocess.DEVNULL)
    found, wanted = (
        torch.load(tmp_path / name / "state.pt", weights_only=True)["run"] for name in ("killed", "straight")
    )
    assert found.pop("given") == wanted.pop("given") == {}
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)
