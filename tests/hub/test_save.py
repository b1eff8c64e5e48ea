import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from semsyn.errors import HubError, InputError
from semsyn.hub import Card, load_pretrained, push_to_hub, save_pretrained
from semsyn.testing.loopback_hub import LoopbackHub
from tests.hub.models import SPACE, make_generator, paint


def test_a_folder_holds_weights_config_and_card(tmp_path: Path) -> None:
    generator = make_generator()
    generator.label_space = SPACE
    path = save_pretrained(generator, tmp_path / "new" / "model", license="MIT", name="clade/mine")
    assert path == tmp_path / "new" / "model" / "model.safetensors"
    assert sorted(p.name for p in path.parent.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    assert json.loads((path.parent / "config.json").read_text())["name"] == "clade/mine"
    readme = (path.parent / "README.md").read_text()
    assert readme.startswith("---\nlicense: mit\n")
    assert "CLADE, 5 classes, ICPE, width 2, 64×64" in readme
    found = load_pretrained(path.parent)
    assert torch.equal(paint(found), paint(generator))
    assert found.label_space == SPACE


def test_a_single_file_is_enough(tmp_path: Path) -> None:
    generator = make_generator()
    path = save_pretrained(generator, tmp_path / "a.safetensors", dtype=torch.float16)
    assert list(tmp_path.iterdir()) == [path]
    found = load_pretrained(path)
    assert found.card.name == "clade/custom"
    assert found.label_space is None
    torch.testing.assert_close(paint(found), paint(generator), rtol=0, atol=2e-2)


def test_existing_files_are_kept(tmp_path: Path) -> None:
    generator = make_generator()
    for target in (tmp_path / "a.safetensors", tmp_path / "folder"):
        first = save_pretrained(generator, target).read_bytes()
        with pytest.raises(InputError, match=r"exists and was kept; pass overwrite=True"):
            save_pretrained(make_generator("clade-edges"), target)
        path = target if target.is_file() else target / "model.safetensors"
        assert path.read_bytes() == first
        save_pretrained(make_generator("clade-edges"), target, overwrite=True)
        assert path.read_bytes() != first


def test_a_readme_of_somebody_else_is_kept(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(InputError, match=r"README\.md exists and was kept"):
        save_pretrained(make_generator(), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["README.md"]


def test_targets_that_cannot_be_written(tmp_path: Path) -> None:
    generator = make_generator()
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file; give a folder"):
        save_pretrained(generator, tmp_path / "file")
    with pytest.raises(InputError, match="cannot be written"):
        save_pretrained(generator, tmp_path / "file" / "a.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(InputError, match="is a folder; give a file name"):
        save_pretrained(generator, tmp_path / "folder.safetensors", overwrite=True)
    with pytest.raises(InputError, match="floating-point type"):
        save_pretrained(generator, tmp_path / "a.safetensors", dtype=torch.int8)
    with pytest.raises(InputError, match="name it 'clade/"):
        save_pretrained(generator, tmp_path / "a.safetensors", name="spade/x")


def test_a_loaded_generator_keeps_its_card(tmp_path: Path) -> None:
    generator = make_generator()
    generator.card = Card(name="clade/mine", config=generator.config, license="CC-BY-NC-4.0", non_commercial=True)
    path = save_pretrained(generator, tmp_path / "a.safetensors")
    with pytest.warns(UserWarning, match="clade/mine are licensed CC-BY-NC-4.0"):
        found = load_pretrained(path)
    assert found.card == replace(generator.card, config=found.config)


def test_push_and_load_again(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.tokens = {"hf_me": set()}
    generator = make_generator()
    generator.label_space = SPACE
    commit = push_to_hub(generator, "me/clade-mine", token="hf_me", license="MIT", name="clade/mine")
    tree = hub.repos["me/clade-mine"].commits[commit]
    assert {"model.safetensors", "config.json", "README.md"} <= set(tree)
    assert b'load_pretrained("me/clade-mine")' in tree["README.md"]
    found = load_pretrained("me/clade-mine", revision=commit, cache_dir=tmp_path)
    assert torch.equal(paint(found), paint(generator))
    hub.requests.clear()
    load_pretrained("me/clade-mine", revision=commit, cache_dir=tmp_path)
    assert hub.requests == []


def test_push_without_rights(hub: LoopbackHub) -> None:
    with pytest.raises(HubError, match="Access was refused"):
        push_to_hub(make_generator(), "me/clade-mine", token=False)
