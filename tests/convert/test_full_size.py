"""A file as large as the authors': written from the key list of the format, converted, loaded and rendered."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from semsyn.hub import load_pretrained
from tests.models.originals import RELEASED

BLOCKS = {  # block: channels in and out; the skip is learned where they differ
    **dict.fromkeys(("head_0", "G_middle_0", "G_middle_1"), (1024, 1024)),
    "up_0": (1024, 512),
    "up_1": (512, 256),
    "up_2": (256, 128),
    "up_3": (128, 64),
}


def list_shapes(channels: int) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of a released SPADE generator with that many semantic channels."""

    def add_conv(name: str, c_out: int, c_in: int, k: int, *, bias: bool) -> None:
        shapes.update({f"{name}.bias": (c_out,)} if bias else {})
        shapes[f"{name}.weight_orig"] = (c_out, c_in, k, k)
        shapes[f"{name}.weight_u"] = (c_out,)
        shapes[f"{name}.weight_v"] = (c_in * k * k,)

    def add_norm(name: str, c: int) -> None:
        shapes[f"{name}.param_free_norm.running_mean"] = shapes[f"{name}.param_free_norm.running_var"] = (c,)
        shapes[f"{name}.param_free_norm.num_batches_tracked"] = ()
        for conv, c_out, c_in in (("mlp_shared.0", 128, channels), ("mlp_gamma", c, 128), ("mlp_beta", c, 128)):
            shapes[f"{name}.{conv}.weight"] = (c_out, c_in, 3, 3)
            shapes[f"{name}.{conv}.bias"] = (c_out,)

    shapes: dict[str, tuple[int, ...]] = {"fc.weight": (1024, channels, 3, 3), "fc.bias": (1024,)}
    for block, (c_in, c_out) in BLOCKS.items():
        c_mid = min(c_in, c_out)
        add_conv(f"{block}.conv_0", c_mid, c_in, 3, bias=True)
        add_conv(f"{block}.conv_1", c_out, c_mid, 3, bias=True)
        add_norm(f"{block}.norm_0", c_in)
        add_norm(f"{block}.norm_1", c_mid)
        if c_in != c_out:
            add_conv(f"{block}.conv_s", c_out, c_in, 1, bias=False)
            add_norm(f"{block}.norm_s", c_in)
    return shapes | {"conv_img.weight": (3, 64, 3, 3), "conv_img.bias": (3,)}


def fill(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Random weights of a sensible size, with u and v that belong to them."""
    rng = torch.Generator().manual_seed(0)
    state = {}
    for key, shape in shapes.items():
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(0)
        elif key.endswith("running_var"):
            state[key] = torch.ones(shape)
        elif len(shape) == 4:
            state[key] = torch.randn(shape, generator=rng) / np.sqrt(shape[1] * shape[2] * shape[3])
        else:
            state[key] = 0.1 * torch.randn(shape, generator=rng)
    for key in [key for key in shapes if key.endswith("weight_u")]:
        matrix = state[key.replace("_u", "_orig")].flatten(1)
        v = torch.nn.functional.normalize(matrix.mT @ state[key], dim=0)
        state[key], state[key.replace("_u", "_v")] = torch.nn.functional.normalize(matrix @ v, dim=0), v
    return state


def list_oasis_shapes(channels: int) -> dict[str, tuple[int, ...]]:
    """The same of OASIS, whose noise and classes are so many channels: SPADE's, less a block."""
    spade = list_shapes(channels)
    shapes = {key: shape for key, shape in spade.items() if key.startswith(("fc.", "conv_img."))}
    for i, block in enumerate(("G_middle_0", "G_middle_1", "up_0", "up_1", "up_2", "up_3")):
        for key in [key for key in spade if key.startswith(f"{block}.")]:
            shapes[key.replace(block, f"body.{i}").replace("param_free_norm", "first_norm")] = spade[key]
    return shapes


def test_a_released_oasis_folder_goes_here_and_back(tmp_path: Path) -> None:
    shapes = list_oasis_shapes(64 + 151)
    assert len(shapes) == 208
    state = fill(shapes)
    folder = tmp_path / "oasis_ade20k_pretrained" / "models"
    folder.mkdir(parents=True)
    torch.save(state, folder / "best_EMA.pth")
    generator = load_pretrained("oasis/ade20k", checkpoint=folder.parent)
    assert sum(p.numel() for p in generator.parameters()) == 74_314_691
    assert generator.label_space is not None and generator.label_space.name == "ade20k-unknown-first"
    assert torch.equal(generator.painter.stem.conv.weight[:, 151:], state["fc.weight"][:, :64])
    back = RELEASED["oasis"].keymap(generator.config).invert(generator.state_dict())
    assert back.keys() == state.keys()
    assert all(torch.equal(back[key], tensor) for key, tensor in state.items())


def test_a_released_ade20k_file_renders(tmp_path: Path) -> None:
    shapes = list_shapes(151)
    assert len(shapes) == 234
    torch.save(fill(shapes), tmp_path / "latest_net_G.pth")
    with pytest.warns(UserWarning, match=r"spade/ade20k are licensed CC-BY-NC-SA-4\.0: not for commercial use"):
        generator = load_pretrained("spade/ade20k", checkpoint=tmp_path)
    counted = sum(p.numel() for p in generator.parameters())
    assert round(counted / 1e6, 2) == 96.49
    label_map = (np.arange(300 * 400).reshape(300, 400) // 900 % 151).astype(np.uint8)
    label_map[:40] = 255  # unknown, which this data set stores as class 150
    picture = generator.render(label_map, seed=0)
    assert picture.size == (256, 256)
    levels = np.asarray(picture)
    assert levels.std() > 1
    assert np.isfinite(levels).all()


def test_a_released_scgan_folder_goes_here_and_back_and_renders(tmp_path: Path) -> None:
    keys = json.loads((Path(__file__).parents[1] / "golden" / "scgan" / "checkpoint_keys.json").read_text())["coco_G"]
    state = fill({key: tuple(shape) for key, shape in keys})
    torch.save(state, tmp_path / "best_net_G.pth")
    generator = load_pretrained("scgan/coco", checkpoint=tmp_path)
    assert sum(p.numel() for p in generator.parameters()) == 41_846_838
    back = RELEASED["scgan"].keymap(generator.config).invert(generator.state_dict())
    assert back.keys() == state.keys()
    assert all(torch.equal(back[key], tensor) for key, tensor in state.items())
    label_map = (np.arange(300 * 400).reshape(300, 400) // 900 % 182).astype(np.uint8)
    label_map[:40] = 255
    levels = np.asarray(generator.render(label_map))
    assert levels.shape == (256, 256, 3) and levels.std() > 1
