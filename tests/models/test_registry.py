import json

import pytest

from semsyn.errors import InputError, UnknownNameError
from semsyn.models import FAMILIES, CLADEConfig, INADEConfig, config_from_dict, config_to_dict, family_of, get_family
from tests.models.cases import CONFIGS


@pytest.mark.parametrize("case", CONFIGS)
def test_configs_go_through_json(case: str) -> None:
    config = CONFIGS[case]
    name = family_of(config).name
    assert name == case.partition("-")[0]
    assert config_from_dict(name, json.loads(json.dumps(config_to_dict(config)))) == config
    assert hash(config) == hash(config_from_dict(name, config_to_dict(config)))


def test_families_by_name() -> None:
    assert list(FAMILIES)[:4] == ["spade", "clade", "inade", "oasis"]
    assert get_family("clade").config_class is CLADEConfig
    with pytest.raises(UnknownNameError, match="unknown family 'clad'; did you mean clade"):
        get_family("clad")
    with pytest.raises(InputError, match="dict is not the config of a family"):
        family_of({})


def test_configs_are_strict() -> None:
    values = config_to_dict(CLADEConfig(num_classes=3, image_size=(64, 64)))
    with pytest.raises(InputError, match=r"a clade config has no \['depth'\].*newer semsyn"):
        config_from_dict("clade", values | {"depth": 3})
    with pytest.raises(InputError, match="a clade config is incomplete.*num_classes"):
        config_from_dict("clade", {"image_size": [64, 64]})


def test_configs_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        INADEConfig(num_classes=3, image_size=(64, 64)).width = 3
