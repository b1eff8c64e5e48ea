"""Loading and saving as methods: the names and arguments of huggingface_hub's mixin, semsyn's own files."""

import inspect
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelHubMixin

from semsyn import Generator
from semsyn.errors import InputError, UnknownNameError
from semsyn.testing.loopback_hub import LoopbackHub
from tests.hub.conftest import hub  # noqa: F401
from tests.hub.models import make_generator, paint


def test_a_generator_goes_through_a_folder(tmp_path: Path) -> None:
    generator = make_generator()
    path = generator.save_pretrained(tmp_path / "model", name="clade/mine")
    assert path.name == "model.safetensors" and (path.parent / "README.md").exists()
    found = Generator.from_pretrained(tmp_path / "model", dtype=torch.float64)
    assert found.card is not None and found.card.name == "clade/mine" and found.dtype == torch.float64
    with pytest.raises(InputError, match="overwrite=True"):
        generator.save_pretrained(tmp_path / "model")
    with pytest.raises(UnknownNameError, match="clade/toyscenes"):
        Generator.from_pretrained("clade/toyscene")


def test_a_generator_goes_through_the_hub(hub: LoopbackHub, tmp_path: Path) -> None:  # noqa: F811
    hub.tokens = {"hf_me": set()}
    generator = make_generator()
    generator.push_to_hub("me/mine", commit_message="first", token="hf_me")
    generator.save_pretrained(tmp_path / "other", push_to_hub=True, repo_id="me/other", token="hf_me")
    for name in ("me/mine", "me/other"):
        found = Generator.from_pretrained(name, cache_dir=tmp_path / "cache", token="hf_me")
        assert torch.equal(paint(found), paint(generator))


@pytest.mark.parametrize("name", ["from_pretrained", "save_pretrained", "push_to_hub"])
def test_the_arguments_are_those_of_the_mixin(name: str) -> None:
    theirs, ours = (inspect.signature(getattr(c, name)).parameters for c in (ModelHubMixin, Generator))
    shared = {"pretrained_model_name_or_path", "save_directory", "repo_id", "push_to_hub", "token", "cache_dir"}
    shared |= {"local_files_only", "revision", "commit_message", "private", "branch"}
    for argument in shared & set(theirs):
        assert argument in ours, f"{name} takes no {argument}"
