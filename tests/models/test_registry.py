import json
from typing import Any

import pytest

from semsyn.errors import InputError, InputTypeError, UnknownNameError
from semsyn.generator.config import Config
from semsyn.models import FAMILIES, CLADEConfig, INADEConfig, IPOSEConfig, OASISConfig, SCGANConfig, get_family
from tests.models.cases import CONFIGS


@pytest.mark.parametrize("case", CONFIGS)
def test_configs_go_through_json(case: str) -> None:
    config = CONFIGS[case]
    name = config.family
    assert name == case.partition("-")[0]
    assert get_family(name).config.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert hash(config) == hash(type(config).from_dict(config.to_dict()))


def test_families_by_name() -> None:
    assert {"spade", "clade", "inade", "oasis", "ipose", "scgan", "clvae", "sims"} == set(FAMILIES)
    assert get_family("clade").config is CLADEConfig
    with pytest.raises(UnknownNameError, match="unknown family 'clad'; did you mean clade"):
        get_family("clad")


def test_configs_are_strict() -> None:
    values = CLADEConfig(num_classes=3, image_size=(64, 64)).to_dict()
    with pytest.raises(InputError, match=r"a clade config has no \['depth'\].*newer semsyn"):
        CLADEConfig.from_dict(values | {"depth": 3})
    with pytest.raises(InputError, match="a clade config is incomplete.*num_classes"):
        CLADEConfig.from_dict({"image_size": [64, 64]})


def test_configs_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        INADEConfig(num_classes=3, image_size=(64, 64)).width = 3


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"norm": 7},
            InputError,
            "norm of a config of CLADE must be one of 'sync_batch', 'batch', 'instance', found 7",
        ),
        ({"norm": "group"}, InputError, "found 'group'"),
        ({"num_classes": "5"}, InputTypeError, "num_classes of a config of CLADE must be a whole number, found '5'"),
        ({"num_classes": True}, InputTypeError, "must be a whole number, found True"),
        ({"num_classes": -1}, InputError, "must be from 0 to 65,536, found -1"),
        ({"width": 10**9}, InputError, "must be from 0 to 65,536"),
        ({"width": 0}, InputError, "width of a config of CLADE must be at least 1, found 0"),
        ({"image_size": "64"}, InputTypeError, "image_size of a config of CLADE must be 2 numbers, found '64'"),
        ({"image_size": (64, 64, 64)}, InputTypeError, "must be 2 numbers"),
        ({"image_size": (64.0, 64)}, InputTypeError, "must be a whole number, found 64.0"),
        ({"has_edges": 1}, InputTypeError, "has_edges of a config of CLADE must be True or False, found 1"),
        ({"code_dim": "x"}, InputTypeError, "code_dim of a config of CLADE must be a whole number"),
    ],
)
def test_values_of_the_wrong_kind_are_refused(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        CLADEConfig(**{"num_classes": 3, "image_size": (64, 64)} | changes)


@pytest.mark.parametrize(
    ("config", "changes", "message"),
    [
        (INADEConfig, {"code_dim": None}, "code_dim of a config of INADE must be a whole number, found None"),
        (IPOSEConfig, {"convention": "voc"}, "convention of a config of iPOSE must be one of 'ade20k', .*found 'voc'"),
        (IPOSEConfig, {"part_widths": (4, "4")}, "part_widths of a config of iPOSE must be a whole number, found '4'"),
        (SCGANConfig, {"temperature": "hot"}, "temperature of a config of SCGAN must be a number, found 'hot'"),
        (OASISConfig, {"num_classes": 0}, "num_classes of a config of OASIS must be at least 1, found 0"),
        (IPOSEConfig, {"part_layers": 65}, "part_layers of a config of iPOSE must be at most 64, found 65"),
        (IPOSEConfig, {"num_parts": 257}, "num_parts of a config of iPOSE must be at most 256"),
        (SCGANConfig, {"conv_experts": 2000}, "conv_experts of a config of SCGAN must be at most 64, found 2000"),
        (SCGANConfig, {"position_steps": 60_000}, "position_steps of a config of SCGAN must be at most 255"),
        (OASISConfig, {"kernel_size": 65_535}, "kernel_size of a config of OASIS must be at most 63"),
        (OASISConfig, {"image_size": (65_536, 2048)}, "must have at most 67,108,864 pixels, found 65536 x 2048"),
        (OASISConfig, {"image_size": (64, 0)}, "image_size of a config of OASIS must be at least 1, found 0"),
    ],
)
def test_every_family_checks_its_own(config: type[Config], changes: dict[str, Any], message: str) -> None:
    with pytest.raises((InputError, InputTypeError), match=message):
        config(**{"num_classes": 3, "image_size": (64, 64)} | changes)


def test_optional_fields_and_lists_are_fine() -> None:
    config = CLADEConfig(num_classes=3, image_size=[64, 64], code_dim=None)
    assert config.image_size == (64, 64)
    assert SCGANConfig(num_classes=3, image_size=(64, 64), temperature=1).temperature == 1
    assert IPOSEConfig(num_classes=3, image_size=(64, 64), convention=None, part_widths=[4, 4]).part_widths == (4, 4)
    assert SCGANConfig(num_classes=0, image_size=(64, 64), num_planes=3).num_classes == 0, "it may read planes alone"
