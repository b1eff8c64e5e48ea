"""The network is the dense one of the paper, whatever is gathered, folded or left out."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from semsyn.errors import InputError
from semsyn.fast.fuse import fuse
from semsyn.nn import PositionMaps, SemanticVectorNetwork
from semsyn.nn.routing import pyramid_conv
from semsyn.nn.routing.semantic_vectors import SemanticVectors
from semsyn.nn.spectral_norm import fold_spectral_norm
from semsyn.testing.golden.case import Case
from semsyn.testing.golden.replay import golden_files, replay
from semsyn.testing.plain.maps import one_hot
from semsyn.testing.plain.scgan import plain_semantic_vectors
from semsyn.testing.replays.scgan_routing import inputs_of, make_network

CLASSES = 9
NETWORKS: dict[str, dict[str, Any]] = {
    "spectral": {},
    "plain": {"has_spectral_norm": False, "norm_experts": 4},
    "edges": {"has_edges": True, "conv_experts": 2},
    "positions": {"positions": PositionMaps(levels=4), "has_spectral_norm": False},
    "positions and edges": {"positions": PositionMaps(steps=2), "has_edges": True, "norm_experts": 5},
    "seven levels": {"levels": 7, "positions": PositionMaps(levels=5, size=5)},
    "two levels": {"levels": 2, "width": 4},
    "planes": {"num_classes": 0, "num_planes": 3},
}


def make(name: str, **options: Any) -> tuple[SemanticVectorNetwork, dict[str, Tensor]]:
    """A network in evaluation mode, and what it reads: ids without the classes 1 and 5."""
    torch.manual_seed(0)
    network = SemanticVectorNetwork(**{"num_classes": CLASSES, "width": 3, **NETWORKS[name], **options}).eval()
    for layer in network.modules():
        if isinstance(bias := getattr(layer, "bias", None), Tensor):
            nn.init.normal_(bias, 0, 0.3)
    ids = torch.tensor([0, 2, 3, 4, 6, 7, 8, CLASSES])[torch.randint(8, (2, 8, 16))]
    maps = {"class_ids": ids.repeat_interleave(8, 1).repeat_interleave(8, 2)}
    if network.has_edges:
        maps["edges"] = torch.rand(2, 64, 128) < 0.2
    if network.num_planes:
        maps["planes"] = torch.randn(2, network.num_planes, 64, 128)
    return network, maps


def dense(network: SemanticVectorNetwork, maps: dict[str, Tensor]) -> Tensor:
    if network.num_planes:
        return maps["planes"]
    planes = [one_hot(maps["class_ids"], network.num_classes)]
    return torch.cat([*planes, *([maps["edges"][:, None].float()] if "edges" in maps else [])], dim=1)


def assert_equal_vectors(found: SemanticVectors, expected: SemanticVectors, rtol: float = 1e-5) -> None:
    for ours, theirs in zip(found.conv + found.norm, expected.conv + expected.norm, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=rtol, atol=rtol * theirs.abs().max().item())


@torch.no_grad()
@pytest.mark.parametrize("has_features", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_the_dense_network(name: str, has_features: bool) -> None:
    network, maps = make(name)
    expected, _ = plain_semantic_vectors(network, dense(network, maps))
    vectors = network(**maps, has_features=has_features)
    assert_equal_vectors(vectors, expected)
    assert (vectors.features is not None) == has_features
    if vectors.features is not None:
        assert_equal_vectors(
            SemanticVectors((vectors.features,), (), None), SemanticVectors((expected.features,), (), None)
        )


@torch.no_grad()
@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_the_same_folded(name: str) -> None:
    network, maps = make(name)
    expected = network(**maps, has_features=True)
    folded = fuse(network)
    assert not any("parametrizations" in key for key in folded.state_dict())
    for has_features in (False, True):
        vectors = folded(**maps, has_features=has_features)
        assert_equal_vectors(vectors, expected)
    assert network.preview is not None and folded.preview is not None and vectors.features is not None
    torch.testing.assert_close(
        folded.preview(vectors.features), network.preview(expected.features), rtol=1e-4, atol=1e-4
    )
    assert_equal_vectors(network(**maps), expected)  # the copy it came from is as it was


@pytest.mark.parametrize("max_convolved", [0, 24])
@pytest.mark.parametrize("name", ["spectral", "plain", "edges", "seven levels", "planes"])
def test_gradients_are_those_of_the_dense_network(
    name: str, max_convolved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyramid_conv, "MAX_CONVOLVED", max_convolved)
    network, maps = make(name)
    exact = network.positions is None
    network.double()
    maps = {key: tensor.double() if key == "planes" else tensor for key, tensor in maps.items()}
    grads = []
    for vectors in (network(**maps), plain_semantic_vectors(network, dense(network, maps).double())[0]):
        logits = torch.cat(
            [(t * torch.linspace(-1, 1, t.numel()).view_as(t)).flatten() for t in vectors.conv + vectors.norm]
        )
        assert network.preview is not None and vectors.features is not None
        loss = logits.sum() + network.preview(vectors.features).square().sum()
        grads.append(torch.autograd.grad(loss, list(network.parameters())))
    for (key, _), ours, theirs in zip(network.named_parameters(), *grads, strict=True):
        tolerance = 1e-9 if exact else 1e-5 * theirs.abs().max().item()  # position maps are single precision
        torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance, msg=lambda m, key=key: f"{key}: {m}")
    assert network.levels[0].conv_0.weight.shape[1] == dense(network, maps).shape[1]


@pytest.mark.parametrize("is_recorded", [True, False])
def test_in_training_every_spectral_norm_iterates_once(is_recorded: bool) -> None:
    network, maps = make("edges")
    network.train()
    plain = copy.deepcopy(network)
    with torch.set_grad_enabled(is_recorded):
        vectors = network(**maps)
        if is_recorded:
            assert network.preview is not None
            network.preview(vectors.features)
    with torch.no_grad():
        assert_equal_vectors(vectors, _read_once(plain, dense(network, maps)))
    for (key, ours), theirs in zip(network.state_dict().items(), plain.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), key


def _read_once(network: SemanticVectorNetwork, planes: Tensor) -> SemanticVectors:
    """The dense network with each weight asked for once, which moves u and v."""
    fixed = copy.deepcopy(network)
    for layer in network.levels:
        _ = layer.conv_0.weight, layer.conv_1.weight
    fixed.load_state_dict(network.state_dict())
    return plain_semantic_vectors(fold_spectral_norm(fixed), planes)[0]


@torch.no_grad()
def test_as_many_experts_of_both_kinds_share_their_logits() -> None:
    network, maps = make("spectral")
    vectors = network(**maps)
    assert all(conv is norm for conv, norm in zip(vectors.conv, vectors.norm, strict=True))
    network, maps = make("plain")
    vectors = network(**maps)
    assert [t.shape[1] for t in vectors.conv] == [3] * 6 and [t.shape[1] for t in vectors.norm] == [4] * 6


def test_features_come_where_gradients_are_recorded() -> None:
    network, maps = make("spectral")
    assert network(**maps).features is not None and network(**maps, has_features=False).features is None
    with torch.no_grad():
        assert network(**maps).features is None
    assert make("spectral", has_preview=False)[0].preview is None


def test_the_preview_is_a_picture_that_teaches_the_whole_network() -> None:
    network, maps = make("spectral", width=8)
    assert network.preview is not None
    picture = network.preview(network(**maps).features)
    assert picture.shape == (2, 3, 64, 128) and picture.abs().max() <= 1
    picture.mean().backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())


class LargestTensor(TorchDispatchMode):
    """The most elements that a result of an operation has."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else (result,):
            if isinstance(tensor, Tensor):
                self.elements = max(self.elements, tensor.numel())
        return result


@torch.no_grad()
@pytest.mark.parametrize("positions", [None, PositionMaps(), PositionMaps(levels=4)])
def test_no_map_of_full_size_has_a_plane_for_every_class(positions: PositionMaps | None) -> None:
    network = SemanticVectorNetwork(101, width=2, has_spectral_norm=False, positions=positions).eval()
    ids = torch.arange(100).view(1, 10, 10).repeat_interleave(13, 1).repeat_interleave(13, 2)[:, :128, :128]
    with LargestTensor() as largest:
        network(ids)
    assert largest.elements < 101 * 128 * 128 / 3
    with LargestTensor() as largest:
        plain_semantic_vectors(network, one_hot(ids, 101))
    assert largest.elements >= 101 * 128 * 128, "the yardstick does not see a one-hot map"


def test_planes_in_half_precision_are_read_in_single() -> None:
    network, maps = make("planes", positions=PositionMaps(levels=4))
    planes = (10 * maps["planes"]).half()  # filtered three times they pass what halves hold
    vectors = network(None, planes=planes)
    assert vectors.conv[0].dtype == torch.float32
    assert_equal_vectors(vectors, network(None, planes=planes.float()))


@pytest.mark.parametrize("name", ["positions", "plain"])
def test_autocast_changes_nothing(name: str) -> None:
    network, maps = make(name)
    expected = network(**maps)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.is_autocast_enabled("cpu")
        vectors = network(**maps)
    for ours, theirs in zip(vectors.conv, expected.conv, strict=True):
        assert ours.dtype == torch.float32 and torch.equal(ours, theirs)


@torch.no_grad()
@pytest.mark.parametrize("is_folded", [False, True])
def test_weights_in_half_precision_are_used_in_single(is_folded: bool) -> None:
    network, maps = make("positions")
    for parameter in network.parameters():
        parameter.copy_(parameter.half())
    expected = network(**maps)
    network.half()
    if is_folded:
        network = fuse(network)
    vectors = network(**maps)
    assert vectors.conv[0].dtype == torch.float32
    assert_equal_vectors(vectors, expected)


SMALL_POSITIONS = PositionMaps(levels=3, size=3)  # tracing unrolls the window


@torch.no_grad()
@pytest.mark.parametrize("positions", [None, SMALL_POSITIONS], ids=["ones", "positions"])
def test_it_compiles_in_one_graph(positions: PositionMaps | None) -> None:
    network, maps = make("edges", levels=2, positions=positions)
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
    assert_equal_vectors(compiled(**maps), network(**maps))


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize(("positions", "is_folded"), [(None, False), (SMALL_POSITIONS, True)], ids=["plain", "folded"])
def test_it_exports_with_free_sizes(positions: PositionMaps | None, is_folded: bool) -> None:
    network, maps = make("edges", levels=2, positions=positions)
    network.requires_grad_(False)
    if is_folded:
        network = fuse(network)
    n, rows, columns = torch.export.Dim("n"), torch.export.Dim("rows", min=2), torch.export.Dim("columns", min=2)
    dims = {key: {0: n, 1: 2 * rows, 2: 2 * columns} for key in maps}
    program = torch.export.export(network, (), maps, dynamic_shapes=dims, strict=False)
    others = {key: torch.cat([tensor, tensor])[:3, :24, :54] for key, tensor in maps.items()}
    assert_equal_vectors(program.module()(**others), network(**others))


def test_what_does_not_fit_is_named() -> None:
    network, maps = make("edges")
    ids, edges = maps["class_ids"], maps["edges"]
    for run, message in (
        (lambda: network(None, edges), "reads \\['class_ids'\\], which were not given"),
        (lambda: network(ids), "reads \\['edges'\\], which were not given"),
        (lambda: network(ids, edges, torch.zeros(2, 1, 64, 128)), "does not read \\['planes'\\]"),
        (lambda: network(ids, edges[:1]), "edges must be n h w = \\(2 64 128\\)"),
        (lambda: network(ids[:, :48], edges[:, :48]), "48 x 128 .*6 levels.*multiples of 32.*64 x 128"),
        (lambda: make("planes")[0](None, None, torch.zeros(2, 2, 64, 64)), "planes must be n p h w = \\(2 3 64 64\\)"),
        (lambda: SemanticVectorNetwork(5, levels=8), "levels must be 2 to 7, found 8"),
        (lambda: SemanticVectorNetwork(0), "needs classes, planes or edges"),
    ):
        with pytest.raises(InputError, match=message):
            run()


def test_the_originals_numbers_come_out(golden_dir: Path) -> None:
    files = [
        path for path in golden_files(golden_dir, families=["scgan"], areas=["network"]) if path.stem[:4] == "svg_"
    ]
    assert files, "no golden file of a semantic vector generator"
    for path in files:
        verdict = replay(path)
        assert verdict.passed, verdict


@torch.no_grad()
def test_the_originals_features_come_out(golden_dir: Path) -> None:
    for path in sorted((golden_dir / "scgan").glob("svg_*.safetensors")):
        case = Case.read(path)
        network, found = make_network(case), []
        for level in network.levels:
            level.register_forward_hook(lambda module, args, output, found=found: found.append(output))
        network(**inputs_of(case))
        keys = [key for key in case.tensors if key.startswith("mid/dec_")]
        assert keys, path
        for key in keys:
            atol, rtol = case.tolerance(key)
            features = found[int(key.removeprefix("mid/dec_")) - 1]
            torch.testing.assert_close(features, case.tensors[key], rtol=rtol, atol=atol)
