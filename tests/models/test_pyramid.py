from itertools import pairwise

import pytest

from semsyn.errors import InputError
from semsyn.models import CLADEConfig, SPADEConfig
from semsyn.models.pyramid.config import SCALES
from semsyn.models.pyramid.network import stage_widths
from tests.models.cases import CONFIGS


def test_depth_widths_and_scales_agree() -> None:
    for name, scales in SCALES.items():
        assert len(stage_widths(64, name)) == len(scales) + 1
        assert all(b in (a, 2 * a) for a, b in pairwise(scales))
    assert stage_widths(64, "normal") == [1024, 1024, 1024, 1024, 512, 256, 128, 64]
    assert stage_widths(64, "most")[-1] == 32


@pytest.mark.parametrize(("upsampling", "multiple"), [("normal", 32), ("more", 64), ("most", 128)])
def test_the_depth_must_divide_the_size(upsampling: str, multiple: int) -> None:
    with pytest.raises(InputError, match=f"multiples of {multiple}"):
        CLADEConfig(num_classes=3, image_size=(96, multiple // 2), width=2, upsampling=upsampling).build()
    generator = CLADEConfig(num_classes=3, image_size=(multiple, 2 * multiple), width=2, upsampling=upsampling).build()
    assert generator.sizes()[0] == (1, 2) and generator.sizes()[-1] == (multiple, 2 * multiple)


def test_an_encoder_needs_a_code_to_fill() -> None:
    with pytest.raises(InputError, match="has_encoder needs code_dim"):
        SPADEConfig(num_classes=3, image_size=(64, 64), has_encoder=True).build()


def test_without_spectral_norm_weights_are_plain() -> None:
    config = CLADEConfig(num_classes=3, image_size=(64, 64), width=1, has_spectral_norm=False)
    assert not [key for key in config.build().state_dict() if "parametrizations" in key]
    assert [key for key in CONFIGS["clade"].build().state_dict() if "parametrizations" in key]
