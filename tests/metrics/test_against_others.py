"""The same numbers as others' programs, where these are installed: pip install torch-fidelity torchmetrics.

Both need torchvision. None of them is needed otherwise, so a test whose program is missing is skipped.
"""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from semsyn.metrics.frechet import feature_statistics, frechet_distance
from semsyn.metrics.inception_score import inception_score
from semsyn.metrics.kernel_distance import kernel_distance
from semsyn.nn.towers.inception import Inception


def module(name: str) -> ModuleType:
    return pytest.importorskip(name, reason="not installed, or without torchvision", exc_type=ImportError)


@pytest.fixture
def sets() -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    return torch.randn(90, 12, generator=rng).double(), torch.randn(70, 12, generator=rng).double() * 1.1 + 0.2


def test_frechet_distance_is_torch_fidelitys(sets: tuple[Tensor, Tensor]) -> None:
    theirs = module("torch_fidelity.metric_fid")
    statistics = [theirs.fid_features_to_statistics(features) for features in sets]
    wanted = theirs.fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    found = frechet_distance(*(moment for features in sets for moment in feature_statistics(features)))
    assert found == pytest.approx(wanted, rel=1e-9)


def test_kernel_distance_is_torch_fidelitys(sets: tuple[Tensor, Tensor]) -> None:
    theirs = module("torch_fidelity.metric_kid")
    first, second = (features[:70] for features in sets)  # one subset that holds all
    options = {"kid_subsets": 1, "kid_subset_size": 70, "verbose": False}
    wanted = theirs.kid_features_to_metric(first, second, **options)["kernel_inception_distance_mean"]
    found = kernel_distance(first, second, subsets=1)
    assert found.value == pytest.approx(wanted, rel=1e-9) and found.mean == pytest.approx(wanted, rel=1e-9)


def test_inception_score_is_torch_fidelitys() -> None:
    theirs = module("torch_fidelity.metric_isc")
    logits = 3 * torch.randn(60, 10)
    wanted = theirs.isc_features_to_metric(logits, splits=5, shuffle=False)
    assert inception_score(logits, splits=5) == pytest.approx(tuple(wanted.values()), rel=1e-9)


def test_features_are_torch_fidelitys(tmp_path: Path) -> None:
    theirs = module("torch_fidelity.feature_extractor_inceptionv3")
    torch.manual_seed(0)
    ours = Inception()
    for t in ours.parameters():
        if t.ndim == 4:
            t.normal_(std=(2 / t[0].numel()) ** 0.5)
    torch.save(ours.state_dict(), tmp_path / "weights.pth")
    names = ["64", "192", "768", "2048", "logits"]
    network = theirs.FeatureExtractorInceptionV3(
        "i", names, feature_extractor_weights_path=str(tmp_path / "weights.pth")
    )
    # Pictures of 299 pixels: it resizes as TensorFlow 1 did, pytorch-fid and the papers here do not. It also takes 128
    # for the middle level.
    picture = torch.randint(0, 256, (1, 3, 299, 299), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        wanted = network(picture)
        maps = ours((picture.float() - 128) / 128)
    features = [m.mean((2, 3)) for m in maps]
    for found, other in zip([*features, ours.logits(features[-1])], wanted, strict=True):
        np.testing.assert_allclose(found.numpy(), other.numpy(), rtol=1e-4, atol=1e-5)
        assert float(other.std()) > 1e-3, "or anything would agree"


def test_distances_are_torchmetrics(sets: tuple[Tensor, Tensor]) -> None:
    fid, kid = module("torchmetrics.image.fid"), module("torchmetrics.image.kid")
    moments = [feature_statistics(features) for features in sets]
    assert frechet_distance(*moments[0], *moments[1]) == pytest.approx(
        float(fid._compute_fid(*moments[0], *moments[1])), rel=1e-9
    )
    first, second = (features[:70] for features in sets)
    wanted = float(kid.poly_mmd(first, second))
    assert kernel_distance(first, second, subsets=1).value == pytest.approx(wanted, rel=1e-9)
