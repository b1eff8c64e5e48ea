"""What every test relies on: one thread per worker, kernels interpreted without a GPU, where the golden files are."""

import os
from pathlib import Path

import pytest
import torch

PARALLEL = "PYTEST_XDIST_WORKER" in os.environ
if PARALLEL:
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read once, when triton loads

# Set here, before tests are collected, so that code under test and parametrised cases read one variable.
os.environ.setdefault("SEMSYN_GOLDEN", str(Path(__file__).parent / "golden"))


@pytest.fixture(scope="session")
def device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """The folder of golden files, ``<family>/<case>.safetensors``: all of them, or the subset that a clone carries."""
    return Path(os.environ["SEMSYN_GOLDEN"])
