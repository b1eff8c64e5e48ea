"""What must not move without a word: keys and shapes of states, the pictures of the bundled weights."""

import pytest
import torch
from safetensors.torch import load_file

from semsyn.hub import load_pretrained
from tests.models.cases import CONFIGS
from tests.snapshots.record import PICTURES, STATES, bundled, render, state_lines

TOLERANCE = 1e-5


@pytest.mark.parametrize("name", CONFIGS)
def test_states_keep_their_keys_and_shapes(name):
    assert list(state_lines(CONFIGS[name])) == (STATES / f"{name}.txt").read_text().splitlines()


@pytest.mark.parametrize("name", bundled())
def test_bundled_weights_keep_their_pictures(name):
    recorded = load_file(PICTURES)
    maps = {key.removeprefix("maps/"): t for key, t in recorded.items() if key.startswith("maps/")}
    torch.testing.assert_close(render(load_pretrained(name), maps), recorded[name], atol=TOLERANCE, rtol=0)
