from copy import deepcopy

import torch
from torch import nn

from semsyn.convert.spectral import complete_spectral_norm, rename_spectral_norm


def make_state() -> dict[str, torch.Tensor]:
    """A layer whose u and v have settled, as torch's classic spectral norm keeps it."""
    torch.manual_seed(0)
    layer = nn.utils.spectral_norm(nn.Conv2d(3, 5, 3))
    for _ in range(200):
        layer(torch.zeros(1, 3, 4, 4))
    return {f"block.{k}": t.clone() for k, t in layer.eval().state_dict().items()} | {"fc.weight": torch.ones(2, 2)}


def sigma(state: dict[str, torch.Tensor]) -> torch.Tensor:
    return state["block.weight_u"] @ state["block.weight_orig"].flatten(1) @ state["block.weight_v"]


def test_a_complete_state_stays() -> None:
    state = make_state()
    completed = complete_spectral_norm(state)
    assert completed.keys() == state.keys() and all(completed[k] is t for k, t in state.items())


def test_a_stale_normalised_weight_is_dropped() -> None:
    state = make_state()
    completed = complete_spectral_norm(state | {"block.weight": torch.zeros(5, 3, 3, 3)})
    assert completed.keys() == state.keys() and torch.equal(completed["block.weight_v"], state["block.weight_v"])


def test_v_by_the_rule_of_torchs_own_upgrade() -> None:
    state = make_state()
    scale = 1.25 * sigma(state)  # not what u and W give by themselves: the file's own norm must come out
    old = {k: t for k, t in state.items() if k != "block.weight_v"} | {
        "block.weight": state["block.weight_orig"] / scale
    }
    completed = complete_spectral_norm(old)
    assert completed.keys() == state.keys()
    torch.testing.assert_close(sigma(completed), scale)

    weight, u = state["block.weight_orig"].flatten(1).double(), state["block.weight_u"].double()
    v = (weight.T @ weight).pinverse() @ weight.T @ u
    v = v * scale.double() / (u @ weight @ v)
    torch.testing.assert_close(completed["block.weight_v"].double(), v, rtol=1e-3, atol=1e-4)

    layer = nn.utils.spectral_norm(nn.Conv2d(3, 5, 3)).eval()
    layer.load_state_dict({k.removeprefix("block."): t for k, t in old.items() if k.startswith("block.")})
    # torch inverts a singular matrix in single precision, so its v is noisy, but the norm it gives is the same.
    torch.testing.assert_close(sigma(state | {"block.weight_v": layer.weight_v}), sigma(completed))


def test_without_the_weight_v_is_one_iteration_from_u() -> None:
    state = make_state()
    completed = complete_spectral_norm({k: t for k, t in state.items() if k != "block.weight_v"})
    torch.testing.assert_close(completed["block.weight_v"], state["block.weight_v"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(sigma(completed), sigma(state))


def test_other_weights_stay() -> None:
    state = {"a.weight": torch.ones(2), "b.weight_ubar": torch.ones(2)}
    assert complete_spectral_norm(state) == state


def test_the_newer_spectral_norm_has_the_same_parts() -> None:
    layer = nn.Conv2d(3, 4, 3)
    older, newer = nn.utils.spectral_norm(deepcopy(layer)), nn.utils.parametrizations.spectral_norm(layer)
    renamed = rename_spectral_norm({f"conv.{key}": tensor for key, tensor in newer.state_dict().items()})
    older.load_state_dict({key.removeprefix("conv."): tensor for key, tensor in renamed.items()})
    x = torch.randn(1, 3, 5, 5)
    torch.testing.assert_close(older.eval()(x), newer.eval()(x))


def test_other_parametrizations_keep_their_names() -> None:
    state = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)).state_dict()
    assert rename_spectral_norm(state) == state
