from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from semsyn import Generator
from semsyn.cli.main import main
from semsyn.data.parts.part_supports import write_supports
from semsyn.errors import CheckpointError, InputError
from semsyn.hub import Card, convert_checkpoint, load_pretrained, save_pretrained
from semsyn.models import IPOSEConfig
from semsyn.models.ipose import released as ipose
from semsyn.models.ipose.released import IPOSE_PREFIX
from tests.hub.models import SPACE, make_generator, paint
from tests.models.cases import make_supports
from tests.models.originals import read


def split(generator: Generator) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Original states of the generator without PartNet, and of PartNet alone."""
    state = ipose.generator_keymap(generator.config).invert(generator.state_dict())
    part_net = {k.removeprefix(IPOSE_PREFIX): t for k, t in state.items() if k.startswith(IPOSE_PREFIX)}
    return {k: t for k, t in state.items() if not k.startswith(IPOSE_PREFIX)}, part_net


def card(generator: Generator) -> Card:
    return Card(name="ipose/test", config=generator.config)


def test_keys_of_the_released_format() -> None:
    generator, part_net = split(make_generator("ipose"))
    assert len(part_net) == 86 and len(generator) + len(part_net) == 424 - 2, "conv_nos.5 is never used"
    for key in (
        "body.5.conv_p.weight_orig",
        "body.0.norm_p.first_norm.running_mean",
        "body.2.norm_p.mlp_shared.0.weight",
        "body.2.norm_p.mlp_beta_nos.bias",
        "body.3.norm_s.mlp_shared.0.weight",
        "conv_part.0.weight",
        "mlp.0.bias",
        "conv_nos.4.0.weight",
    ):
        assert key in generator, key
    unused = {"conv_nos.5.0.weight": torch.zeros(4, 4, 4, 4), "conv_nos.5.0.bias": torch.zeros(4)}
    config = make_generator("ipose").config
    assert not any("noise_up.5" in key for key in ipose.generator_keymap(config).convert(generator | unused))


def test_noise_channels_are_moved_where_there_are_some() -> None:
    generator = make_generator("ipose")
    state, _ = split(generator)
    ours = generator.state_dict()
    assert torch.equal(state["fc.weight"][:, 6:], ours["painter.stem.conv.weight"][:, :5])
    shortcut, part = "painter.stages.2.norm_s.shared.weight", "painter.stages.2.norm_p.of_parts.shared.weight"
    assert torch.equal(state["body.2.norm_s.mlp_shared.0.weight"][:, :6], ours[shortcut][:, 5:])
    assert torch.equal(state["body.2.norm_p.mlp_shared.0.weight"], ours[part])


def test_part_net_in_a_file_of_its_own(tmp_path: Path) -> None:
    generator = make_generator("ipose")
    state, part_net = split(generator)
    torch.save(state, tmp_path / "best_EMA.pth")
    torch.save(part_net, tmp_path / "best_G.pth")
    files = {"generator": tmp_path / "best_EMA.pth", "part_net": tmp_path / "best_G.pth"}
    found = convert_checkpoint(files, card=card(generator)).generator
    assert torch.equal(paint(found), paint(generator))
    assert [origin.file for origin in found.card.origin] == ["best_EMA.pth", "best_G.pth"]
    with pytest.raises(CheckpointError, match="comes without PartNet: pass .*part_net"):
        convert_checkpoint(tmp_path / "best_EMA.pth", card=card(generator))


def test_the_generators_own_part_net_counts() -> None:
    state, part_net = split(make_generator("ipose"))
    whole = state | {IPOSE_PREFIX + k: t for k, t in part_net.items()}
    rounded = {k: t * (1 + 1e-6) for k, t in part_net.items()}
    merged = dict(read({"generator": whole, "part_net": rounded}).states)
    assert merged.keys() == {"generator"}
    assert all(merged["generator"][k] is t for k, t in whole.items())
    other = {k: t + 1 for k, t in part_net.items()}
    with pytest.raises(CheckpointError, match="a PartNet of its own, which differs from the other file in 86"):
        read({"generator": whole, "part_net": other})
    oasis = {k: t for k, t in state.items() if "conv_p" not in k and "norm_p" not in k}
    with pytest.raises(CheckpointError, match="only iPOSE takes a file of the role .part_net."):
        read({"generator": oasis, "part_net": part_net})


def test_support_maps_come_from_a_folder_and_stay_in_the_file(tmp_path: Path) -> None:
    generator = make_generator("ipose")
    state = ipose.generator_keymap(generator.config).invert(generator.state_dict())
    torch.save(state, tmp_path / "best_EMA.pth")
    write_supports(tmp_path / "supports", make_supports())
    bare = convert_checkpoint(tmp_path / "best_EMA.pth", card=card(generator), supports=None).generator
    assert bare.config.num_supported == 0
    found = convert_checkpoint(
        tmp_path / "best_EMA.pth", card=card(generator), supports=tmp_path / "supports"
    ).generator
    assert found.config.num_supported == 2 and not torch.equal(paint(found), paint(bare))
    again = load_pretrained(save_pretrained(found, tmp_path / "mine.safetensors"))
    assert torch.equal(paint(again), paint(found))
    assert torch.equal(again.conditioner.supports.part_ids, make_supports().part_ids)
    save_pretrained(bare, tmp_path / "bare.safetensors")
    assert load_pretrained(tmp_path / "bare.safetensors", supports=None).lacks() == ("supports",)
    later = load_pretrained(tmp_path / "bare.safetensors", supports=tmp_path / "supports")
    assert torch.equal(paint(later), paint(found))
    with pytest.raises(InputError, match="takes no 'supports'"):
        save_pretrained(make_generator("oasis"), tmp_path / "oasis.safetensors")
        load_pretrained(tmp_path / "oasis.safetensors", supports=tmp_path / "supports")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"dataset_mode": "ade20kins", "channels_G": 64, "z_dim": 64},
            {"num_classes": 151, "image_size": (256, 256), "convention": "ade20k"},
        ),
        (
            {"dataset_mode": "cityscapesins", "n_support": 5},
            {"num_classes": 35, "image_size": (256, 512), "convention": "cityscapes", "num_supports": 5},
        ),
        ({"semantic_nc": 7, "crop_size": 64, "aspect_ratio": 1.0}, {"num_classes": 7, "convention": None}),
    ],
)
def test_released_options(options: dict[str, Any], expected: dict[str, Any]) -> None:
    config = ipose.from_released_options(options)
    assert {name: getattr(config, name) for name in expected} == expected


def test_facts_are_read_from_shapes() -> None:
    generator = make_generator("ipose")
    state = ipose.generator_keymap(generator.config).invert(generator.state_dict())
    original = read({"generator": state})
    family, facts = original.released.config.family, original.facts
    assert family == "ipose" and facts["part_widths"] == (4, 4, 4, 6) and facts["num_parts"] == 4
    released = IPOSEConfig(num_classes=5, image_size=(64, 64), width=2, code_dim=6)
    assert read({"generator": state}).infer_config(asdict(released)) == generator.config, "widths are the file's"
    with pytest.raises(CheckpointError, match="width is 2 in the file, 64 was expected"):
        read({"generator": state}).infer_config(asdict(IPOSEConfig(num_classes=5, image_size=(64, 64))))


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator = make_generator("ipose")
    state, part_net = split(generator)
    torch.save(state, tmp_path / "best_EMA.pth")
    torch.save(part_net, tmp_path / "best_G.pth")
    write_supports(tmp_path / "supports", make_supports())
    (tmp_path / "space.json").write_text(SPACE.to_json())
    files = {"part-net": "best_G.pth", "supports": "supports", "space": "space.json", "out": "mine.safetensors"}
    options = [word for name, file in files.items() for word in (f"--{name}", str(tmp_path / file))]
    code = main(["convert", str(tmp_path / "best_EMA.pth"), "--image-size", "64x64", *options])
    assert code == 0 and "iPOSE, 5 classes" in capsys.readouterr().out
    found = load_pretrained(tmp_path / "mine.safetensors")
    assert found.config.num_supported == 2 and found.label_space == SPACE
