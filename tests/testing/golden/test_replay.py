"""The originals' own numbers through our builders and converters, and a replay that notices when they differ."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from semsyn.testing.golden.__main__ import main
from semsyn.testing.golden.case import Case
from semsyn.testing.golden.replay import find_handler, golden_files, replay

CARRIED = Path(__file__).resolve().parents[2] / "golden"
FOLDER = Path(os.environ["SEMSYN_GOLDEN"])
FAMILIES = ("spade", "clade", "inade", "oasis", "ipose", "scgan", "sims", "clvae")
FILES = golden_files(FOLDER, families=FAMILIES, areas=("network", "data"))
TRAINING = [
    path
    for path in golden_files(FOLDER, families=FAMILIES, areas=("training", "evaluation"))
    if find_handler(path.parent.name, Case.read(path).kind)
]
SMALL = CARRIED / "clade" / "norm_inst_dist.safetensors"

KINDS = {
    "spade": "coco_instance_map colormaps encoder generator norm preprocess resblk transforms",
    "clade": "class_affine dist_masks dist_transform generator norm resblk",
    "inade": "demo_exemplar encoder inference instconv norm preprocess reid resblk",
    "oasis": "colormaps data_ade data_city data_coco g_block spade",
    "ipose": "cross_attention data_city data_coco data_partsplit encoder part_colormap partnet psm support_maps",
    "scgan": "channel_pool data encoder gaussian generator scblock scconv scnorm spade svg visuals",
    "clvae": "data_ade20k data_deepfashion data_gta5 encoder generator image_to_uint8 label_colors",
    "sims": "canvas checkpoint_v2 colour_transfer label_maps layers morphology order order_pairs proposals resampling "
    "search_top10 segments stn_sampler synth256 synth512 synthesis_sample transform transform_sample",
}

Edit = Callable[[dict[str, Tensor], dict], object]


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", FILES + TRAINING, ids=[*map(name_of, FILES + TRAINING)])
def test_the_originals_numbers_come_out(path: Path) -> None:
    verdict = replay(path)
    assert verdict.passed, verdict


def test_every_network_and_data_kind_is_among_the_carried_files() -> None:
    files = golden_files(CARRIED, families=FAMILIES, areas=("network", "data"))
    carried = {(case.info["family"], case.kind) for case in map(Case.read, files)}
    # clVAE's pipelines are too large. So is INADE's "generator": inference and demo_exemplar run that network,
    # norm_sketch its sketch branch.
    # OASIS' is, too: train_losses runs that network, forward and backward. So are iPOSE's scenes, blocks and generator.
    assert carried == {(family, kind) for family, kinds in KINDS.items() for kind in kinds.split()}
    assert all(find_handler(family, kind) for family, kind in carried)


def digest(path: Path) -> str:
    """Of all numbers that a carried file keeps of its complete one: names, types, shapes, values and the options."""
    case = Case.read(path)
    found = hashlib.sha256(json.dumps({**case.info, "narrowed": None}, sort_keys=True).encode())
    for key, tensor in sorted(case.tensors.items()):
        if not key.startswith("mid/"):
            found.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
            found.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


DIGESTS: dict[str, str] = json.loads((CARRIED / "digests.json").read_text())


def test_carried_files_hold_the_recorded_numbers() -> None:
    assert {name_of(path): digest(path) for path in sorted(CARRIED.rglob("*.safetensors"))} == DIGESTS


@pytest.mark.skipif(FOLDER.resolve() == CARRIED, reason="the complete set of golden files is not here")
def test_recorded_numbers_are_those_of_the_complete_set() -> None:
    for name in DIGESTS:
        assert digest(FOLDER / f"{name}.safetensors") == DIGESTS[name], name


def edited(tmp_path: Path, edit: Edit, source: Path = SMALL) -> Path:
    with safe_open(source, framework="pt") as file:
        info = json.loads(file.metadata()["info"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    edit(tensors, info)
    path = tmp_path / source.name
    save_file(tensors, path, metadata={"info": json.dumps(info)})
    return path


def shift(tensors: dict[str, Tensor], key: str, by: float = 1e-2) -> None:
    tensors[key].view(-1)[0] += by


BROKEN: dict[str, tuple[Edit, str]] = {
    "one output": (lambda t, i: shift(t, "out/y"), "y is off by 1"),
    "one gradient": (lambda t, i: shift(t, "grad/x"), "grad/x is off by 1"),
    "one weight": (lambda t, i: shift(t, "state/class_specified_affine.weight"), "y is off by"),
    "one input": (lambda t, i: shift(t, "in/dist", 0.5), "y is off by"),
    "not a number": (lambda t, i: shift(t, "out/y", float("nan")), "y is off by nan"),
    "a row too many": (lambda t, i: t.update({"out/y": t["out/y"].repeat(2, 1, 1, 1)}), "expected"),
    "an output nobody computes": (lambda t, i: t.update({"out/extra": torch.ones(1)}), "extra was not computed"),
    "a weight nobody knows": (lambda t, i: t.update({"state/gain": torch.ones(1)}), "no place"),
    "a weight too few": (lambda t, i: t.pop("state/inst_conv.bias"), "inst_conv.bias|tail.conv.bias"),
    "nothing expected": (lambda t, i: [t.pop(k) for k in list(t) if k[:4] in ("out/", "grad")], "expects nothing"),
    "an unknown kind": (lambda t, i: i.update(kind="norms"), "unknown kind 'norms' of clade"),
    "an unknown family": (lambda t, i: i.update(family="blade"), "unknown kind 'norm' of blade"),
    "no configuration": (lambda t, i: i.pop("config"), "KeyError"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_changed_file_fails(case: str, tmp_path: Path) -> None:
    edit, reason = BROKEN[case]
    verdict = replay(edited(tmp_path, edit))
    assert not verdict.passed
    assert any(part in verdict.reason for part in reason.split("|")), verdict.reason


def test_the_tolerance_of_the_file_decides(tmp_path: Path) -> None:
    assert replay(edited(tmp_path, lambda t, i: shift(t, "out/y", 5e-7))).passed
    loose: Edit = lambda t, i: (shift(t, "out/y", 1e-2), i.update(atol_by_key={"out/y": 2e-2}))  # noqa: E731
    assert replay(edited(tmp_path, loose)).passed
    other: Edit = lambda t, i: (shift(t, "out/y", 1e-2), i.update(atol_by_key={"out/x": 2e-2}))  # noqa: E731
    assert not replay(edited(tmp_path, other)).passed


def test_statistics_after_a_training_step_are_compared(tmp_path: Path) -> None:
    source = CARRIED / "spade" / "norm_batch3x3_train.safetensors"
    with safe_open(source, framework="pt") as file:
        after = [key for key in file.keys() if key.startswith("out/after/")]  # noqa: SIM118
    assert {key.rpartition(".")[2] for key in after} >= {"running_mean", "running_var", "num_batches_tracked"}
    for key in after:
        edit: Edit = lambda t, i, key=key: t[key].add_(1)  # noqa: E731
        assert not replay(edited(tmp_path, edit, source)).passed, key


def test_exit_codes_and_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = edited(tmp_path, lambda t, i: shift(t, "out/y"))
    data = CARRIED / "inade" / "reid_labels.safetensors"
    assert main([str(SMALL), str(data)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["PASS", "clade/norm_inst_dist"], ["PASS", "inade/reid_labels"]]
    assert lines[-1] == "2 passed, 0 failed"
    assert main([str(SMALL), str(broken), str(data)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "2 passed, 1 failed"
    assert main(["--area", "data", str(broken), str(data)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 0 failed"
    assert main(["--area", "training", str(SMALL)]) == 1, "a run that checks nothing is no success"


def test_a_damaged_or_missing_file_fails_and_the_others_still_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(SMALL.read_bytes()[:1000])
    missing = tmp_path / "missing.safetensors"
    assert main(["--area", "network", str(damaged), str(missing), str(SMALL)]) == 1
    out = capsys.readouterr().out
    assert f"FAIL {damaged}" in out and f"FAIL {missing}" in out and "PASS clade/norm_inst_dist" in out


def test_it_is_a_program() -> None:
    command = [sys.executable, "-m", "semsyn.testing.golden", str(CARRIED / "inade" / "reid_labels.safetensors")]
    result = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[3], check=False)
    assert result.returncode == 0, result.stderr
    assert "PASS inade/reid_labels" in result.stdout
