import json

import pytest

from semsyn.errors import InputError, UnknownNameError
from semsyn.evaluate.protocols import DATA_SETS, Protocol
from semsyn.models.protocols import PROTOCOLS, find_protocol


def test_each_is_found_and_described_on_every_data_set():
    assert len({protocol.name for protocol in PROTOCOLS}) == len(PROTOCOLS)
    for protocol in PROTOCOLS:
        assert find_protocol(protocol.name) is protocol
        assert set(protocol.sizes) | set(protocol.counts) <= {"", *DATA_SETS}
        for data_set in ("", *DATA_SETS):
            described = protocol.describe(data_set)
            assert json.loads(json.dumps(described))["name"] == protocol.name


def test_the_released_sizes():
    assert find_protocol("spade-val").size("cityscapes") == (256, 512)
    assert find_protocol("oasis-val").size("ade20k") == find_protocol("spade-val").size() == (256, 256)
    assert find_protocol("train-stats-inade").size("ade20k") == (256, 512), "as released"
    assert find_protocol("scgan-val").size("celeba") == (512, 512)
    assert find_protocol("pytorch-fid").size("ade20k") is None
    assert find_protocol("oasis-val").levels == "float" and find_protocol("train-stats").statistics == "train"
    assert find_protocol("spade-val").counts == {"ade20k": 2000, "coco-stuff": 5000, "cityscapes": 500}


def test_slips_are_told():
    with pytest.raises(UnknownNameError, match="did you mean spade-val"):
        find_protocol("spade-test")
    with pytest.raises(UnknownNameError, match="did you mean cityscapes"):
        find_protocol("spade-val").size("cityscape")
    with pytest.raises(InputError, match="not defined on"):
        Protocol(name="own", source="mine", sizes={"gta5": (1, 2)}).size("ade20k")
