import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from semsyn import Generator
from semsyn.convert.checkpoint import read_metadata
from semsyn.errors import CheckpointError, InputError
from semsyn.hub import load_pretrained, save_pretrained
from semsyn.hub.weights_file import (
    KEY,
    assemble,
    is_weights_file,
    load_weights_file,
    read_card,
    write_weights_file,
)
from semsyn.models.card import Card, Origin
from tests.hub.models import CONFIGS, SPACE, make_generator, paint


def write(path: Path, generator: Generator, **facts: Any) -> Path:
    generator.label_space = SPACE
    write_weights_file(generator, Card(name="clade/test", config=generator.config, **facts), path)
    return path


@pytest.mark.parametrize("case", CONFIGS)
def test_a_file_holds_all_of_a_generator(case: str, tmp_path: Path) -> None:
    generator = make_generator(case)
    generator.label_space = SPACE
    origin = (Origin("latest_net_G.pth", "0" * 64),)
    card = Card(name=f"{case.partition('-')[0]}/test", config=generator.config, license="MIT", origin=origin)
    write_weights_file(generator, card, tmp_path / "a.safetensors")
    assert is_weights_file(tmp_path / "a.safetensors")
    found = load_weights_file(tmp_path / "a.safetensors")
    assert found.config == generator.config
    assert found.label_space == SPACE
    assert (found.card.name, found.card.license, found.card.origin) == (card.name, "MIT", origin)
    assert not found.training
    assert torch.equal(paint(found), paint(generator))
    assert [p.requires_grad for p in found.parameters()] == [p.requires_grad for p in generator.parameters()]
    assert not any(t.is_meta for t in (*found.parameters(), *found.buffers()))


def test_metadata_is_readable_by_others(tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", make_generator(), license="MIT")
    described = json.loads(read_metadata(path)[KEY])
    assert described["format"] == 2
    assert described["family"] == "clade"
    assert described["config"]["image_size"] == [64, 64]
    assert described["label_space"]["classes"] == ["a", "b", "c", "d", "e"]
    assert described["origin"] == []


OLD_NAMES = {
    "painter.": "",
    "tail.conv.": "edge_conv.",
    "tail.sketch_conv.": "sketch_conv.",
    "tail.merge_conv.": "merge_conv.",
}


@pytest.mark.parametrize("case", CONFIGS)
def test_files_of_format_1_give_the_same_pictures(case: str, tmp_path: Path) -> None:
    generator = make_generator(case)
    card = Card(name=f"{case.partition('-')[0]}/test", config=generator.config)
    path = tmp_path / "a.safetensors"
    write_weights_file(generator, card, path)
    described, state = json.loads(read_metadata(path)[KEY]), {}
    for key, tensor in load_file(path).items():
        for new, old in OLD_NAMES.items():
            key = key.replace(new, old)
        state[key] = tensor
    assert not any("painter" in key or "tail" in key for key in state)
    save_file(state, path, metadata={KEY: json.dumps(described | {"format": 1})})
    found = load_weights_file(path)
    assert found.state_dict().keys() == generator.state_dict().keys()
    assert torch.equal(paint(found), paint(generator))
    save_file(state, path, metadata={KEY: json.dumps(described)})
    with pytest.raises(CheckpointError, match="weights are missing"):
        load_weights_file(path)


def test_halves_become_floats_unless_asked_otherwise(tmp_path: Path) -> None:
    generator = make_generator()
    write_weights_file(
        generator, Card(name="clade/test", config=generator.config), tmp_path / "a.safetensors", dtype=torch.float16
    )
    assert {t.dtype for t in load_file(tmp_path / "a.safetensors").values()} == {torch.float16, torch.int64}
    for dtype, expected in ((None, torch.float32), (torch.float16, torch.float16), (torch.float64, torch.float64)):
        found = load_weights_file(tmp_path / "a.safetensors", dtype=dtype)
        assert {t.dtype for t in found.state_dict().values()} == {expected, torch.int64}
    found = load_weights_file(tmp_path / "a.safetensors")
    torch.testing.assert_close(paint(found), paint(generator), rtol=0, atol=2e-2)
    with pytest.raises(InputError, match="floating-point type"):
        load_weights_file(tmp_path / "a.safetensors", dtype=torch.int8)


def damage(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(described: dict[str, Any]) -> None:
        if value is None:
            del described[key]
        else:
            described[key] = value

    return change


DAMAGES: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "newer": (damage("format", 3), "has format 3, this semsyn reads up to 2; upgrade semsyn"),
    "no-format": (damage("format", None), "no format number"),
    "no-family": (damage("family", None), "'family' is missing"),
    "other-family": (damage("family", "spode"), "unknown family 'spode'"),
    "no-config": (damage("config", None), "config is missing"),
    "empty-config": (damage("config", {}), "config is incomplete"),
    "strange-field": (lambda d: d["config"].update(depth=3), "has no \\['depth'\\]"),
    "strange-value": (lambda d: d["config"].update(width="wide"), "no network can be built|metadata .* is damaged"),
    "no-classes": (
        lambda d: d["config"].update(num_classes=0),
        "does not fit|no network can be built|must be at least 1|must be from 0",
    ),
    "huge": (
        lambda d: d["config"].update(width=10**7),
        "does not fit|no network can be built|must be at least 1|must be from 0",
    ),
    "wrong-size": (lambda d: d["config"].update(image_size=[63, 64]), "63"),
    "swapped-family": (
        lambda d: (
            d.update(family="spade", name="spade/x"),
            d["config"].pop("has_offsets"),
            d["config"].pop("offset_ignore"),
        ),
        "does not fit SPADE",
    ),
    "bad-space": (damage("label_space", {"name": "x"}), "label space"),
    "bad-origin": (damage("origin", [{"url": "x"}]), "metadata .* is damaged"),
    "origin-of-numbers": (damage("origin", [{"file": "x", "sha256": 7}]), "metadata .* is damaged: origin must be"),
    "huge-picture": (lambda d: d["config"].update(image_size=[65_536, 65_536]), "at most 67,108,864 pixels"),
    "bad-name": (damage("name", "spade/x"), "name it 'clade/"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_metadata_is_an_error(name: str, tmp_path: Path) -> None:
    change, message = DAMAGES[name]
    path = write(tmp_path / "a.safetensors", make_generator())
    described = json.loads(read_metadata(path)[KEY])
    change(described)
    save_file(load_file(path), path, metadata={KEY: json.dumps(described)})
    with pytest.raises(CheckpointError, match=message):
        load_weights_file(path)
    if "does not fit" not in message and name != "wrong-size":  # what only the weights tell
        with pytest.raises(CheckpointError, match=message):
            read_card(path)


def test_a_card_is_read_without_the_weights(tmp_path: Path) -> None:
    generator = make_generator()
    path = write(tmp_path / "a.safetensors", generator)
    card, space = read_card(path)
    assert (card.config, card.label_space, space) == (generator.config, SPACE.name, SPACE)
    assert load_weights_file(path).card == card


def test_files_that_semsyn_did_not_write(tmp_path: Path) -> None:
    state = make_generator().state_dict()
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "b.pth")
    for name in ("a.safetensors", "b.pth"):
        assert not is_weights_file(tmp_path / name)
        with pytest.raises(CheckpointError, match="was not written by semsyn.*load_pretrained\\(NAME, checkpoint="):
            load_weights_file(tmp_path / name)
    save_file(state, tmp_path / "c.safetensors", metadata={KEY: "{"})
    with pytest.raises(CheckpointError, match="metadata .* is damaged"):
        load_weights_file(tmp_path / "c.safetensors")
    with pytest.raises(CheckpointError, match="no file"):
        load_weights_file(tmp_path / "absent.safetensors")


def test_states_that_do_not_fit_are_listed() -> None:
    generator = make_generator()
    state = generator.state_dict()
    state["surplus"] = torch.ones(1)
    del state["painter.stem.conv.bias"]
    state["painter.to_image.conv.bias"] = torch.ones(4)
    with pytest.raises(
        CheckpointError, match=r"does not fit CLADE, 5 classes.*stem\.conv\.bias.*surplus.*to_image\.conv\.bias"
    ):
        assemble(generator.config, state)


def test_weights_are_floating_point_numbers_and_counters_whole_ones() -> None:
    generator = make_generator()
    for dtype in (torch.int64, torch.bool, torch.complex64, torch.uint8):
        state = generator.state_dict()
        state["painter.stem.conv.bias"] = state["painter.stem.conv.bias"].to(dtype)
        with pytest.raises(CheckpointError, match=r"1 hold numbers of another kind \(painter.stem.conv.bias: "):
            assemble(generator.config, state)
    counter = next(key for key in generator.state_dict() if key.endswith("num_batches_tracked"))
    state = {**generator.state_dict(), counter: torch.tensor(7.0)}  # as averaging leaves it
    found = assemble(generator.config, state).state_dict()[counter]
    assert found.dtype == torch.int64 and int(found) == 7
    with pytest.raises(CheckpointError, match="another kind"):
        assemble(generator.config, {**state, counter: torch.tensor(7.5)})
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        halves = {key: t.to(dtype) if t.is_floating_point() else t for key, t in generator.state_dict().items()}
        assert assemble(generator.config, halves).dtype == torch.float32


def test_messages_stay_short() -> None:
    generator = make_generator()
    with pytest.raises(CheckpointError) as error:
        assemble(generator.config, {**generator.state_dict(), "a" * 100_000: torch.zeros(1)})
    assert len(str(error.value)) < 1000


def test_texts_that_are_no_text_are_saved_all_the_same(tmp_path: Path) -> None:
    generator = make_generator()
    generator.card = Card(name="clade/x", config=generator.config, license="odd \udcff", notes="\udcfe")
    loaded = load_pretrained(save_pretrained(generator, tmp_path / "a"))
    assert loaded.card.license == "odd \udcff"


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.safetensors", make_generator())
    before = path.read_bytes()

    def stop(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", stop)
    with pytest.raises(KeyboardInterrupt):
        write(path, make_generator("clade-edges"))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
