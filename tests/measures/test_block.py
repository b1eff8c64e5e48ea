"""How many files a residual block runs through."""

import sys
from functools import partial
from pathlib import Path

import pytest
import torch

import semsyn
from semsyn.nn import CLADE, ModulatedResBlock
from semsyn.records.condition import Condition

MOST_FILES = 6
# A layer that is used alone looks at its ids and features, and asks whether somebody traces it.
LOOKS = {"functional/checks.py", "ops/modes.py", "errors.py", "signature.py", "nn/features.py"}


@pytest.mark.parametrize("is_trained", [False, True])
def test_a_clade_block_runs_through_few_files(is_trained):
    package = Path(semsyn.__file__).parent
    block = ModulatedResBlock(8, 16, partial(CLADE, num_classes=5)).train(is_trained)
    x, cond = torch.randn(2, 8, 16, 16), Condition(class_ids=torch.randint(0, 5, (2, 16, 16)))
    files = set()

    def see(frame, event, arg):
        path = Path(frame.f_code.co_filename)
        if event == "call" and package in path.parents:
            files.add(str(path.relative_to(package)))

    before = sys.getprofile()
    with torch.set_grad_enabled(is_trained):
        sys.setprofile(see)
        try:
            block(x, cond)
        finally:
            sys.setprofile(before)
    assert 0 < len(files - LOOKS) <= MOST_FILES, sorted(files)
