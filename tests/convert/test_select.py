from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from semsyn.convert.select import select_state, unwrap_names
from semsyn.errors import CheckpointError

KEYS = ("head.weight", "head.bias", "tail.weight")


def make(*prefixes: str, keys: tuple[str, ...] = KEYS) -> dict[str, Tensor]:
    return {f"{prefix}{key}": torch.ones(1) for prefix in prefixes or ("",) for key in keys}


def fits(state: Mapping[str, Tensor]) -> bool:
    return "head.weight" in state


@pytest.mark.parametrize(
    "prefix",
    ["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "_fsdp_wrapped_module.module.module."],
)
def test_wrappers_around_a_network_go(prefix: str) -> None:
    assert tuple(unwrap_names(make(prefix))) == KEYS


def test_wrappers_within_a_network_go() -> None:
    state = {"head._orig_mod.weight": torch.ones(1), "tail._checkpoint_wrapped_module._orig_mod.bias": torch.ones(1)}
    assert list(unwrap_names(state)) == ["head.weight", "tail.bias"]
    assert list(unwrap_names({"module.a": torch.ones(1), "b": torch.ones(1)})) == ["module.a", "b"]
    with pytest.raises(CheckpointError, match=r"'a' twice, once within a wrapper \('_orig_mod.a'\)"):
        unwrap_names({"a": torch.ones(1), "_orig_mod.a": torch.ones(1)})


def test_what_torch_compile_and_parallel_save_is_unwrapped() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Sequential(nn.Conv2d(1, 1, 1)))
    expected = list(network.state_dict())
    network[1] = torch.compile(network[1])
    whole = nn.DataParallel(torch.compile(network))
    assert list(unwrap_names(whole.state_dict())) == expected
    averaged = torch.optim.swa_utils.AveragedModel(network).state_dict()
    _, state = select_state({"": averaged}, lambda state: "0.weight" in state)
    assert list(state) == expected


OTHER = make("layer.", keys=("a", "b"))
FILES: dict[str, tuple[dict[str, dict[str, Tensor]], str]] = {
    "bare": ({"": make()}, ""),
    "prefix": ({"": make("generator.")}, "generator"),
    "prefix-in-prefix": ({"": make("module.netG.module.")}, "netG"),
    "larger-module": ({"": make("model.netG.") | make("model.netD.", keys=("a", "b"))}, "model.netG"),
    "one-of-several": ({"netD": OTHER, "netG": make(), "vgg": OTHER}, "netG"),
    "prefix-in-one-of-several": ({"netD": OTHER, "state_dict": make("netG.")}, "state_dict.netG"),
    "averaged": ({"": make("module.") | {"n_averaged": torch.tensor(3)}}, "module"),
}


@pytest.mark.parametrize(("states", "where"), FILES.values(), ids=FILES)
def test_the_only_network_that_fits_is_found(states: dict[str, dict[str, Tensor]], where: str) -> None:
    found, state = select_state(states, fits)
    assert (found, tuple(state)) == (where, KEYS)


SEVERAL: dict[str, dict[str, dict[str, Tensor]]] = {
    "states": {"netG": make(), "netG_ema": make(), "netD": OTHER},
    "prefixes": {"": make("netG.", "netG_ema.") | make("netD.", keys=("a",))},
}


@pytest.mark.parametrize("states", SEVERAL.values(), ids=SEVERAL)
def test_of_several_that_fit_one_is_chosen_by_its_key(states: dict[str, dict[str, Tensor]]) -> None:
    with pytest.raises(
        CheckpointError,
        match=r"f.ckpt holds several .* fit: 'netG' \(3 tensors\), 'netG_ema' \(3 tensors\)\. .*key='netG' .*--key",
    ):
        select_state(states, fits, what="f.ckpt")
    found, state = select_state(states, fits, key="netG_ema")
    assert (found, tuple(state)) == ("netG_ema", KEYS)
    with pytest.raises(CheckpointError, match=r"nothing under the key 'G'; it holds 'netG' \(3 tensors\), .*'netD'"):
        select_state(states, fits, key="G")


def test_a_key_may_stand_around_the_network() -> None:
    nested = {"state_dict": make("netG.", "module.ema."), "other": OTHER}
    assert select_state(nested, fits, key="state_dict.module.ema")[0] == "state_dict.module.ema"
    assert select_state({"ema.netG": make(), "ema.netD": OTHER, "netG": make()}, fits, key="ema")[0] == "ema.netG"


def test_without_any_that_fits_the_only_one_is_shown_to_whoever_asks() -> None:
    assert select_state({"": OTHER}, fits) == ("", OTHER)
    with pytest.raises(CheckpointError, match=r"several state dicts, none of a known network: 'a' \(2 tensors\), 'b'"):
        select_state({"a": OTHER, "b": OTHER}, fits)
