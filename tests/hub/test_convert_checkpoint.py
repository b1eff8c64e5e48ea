import re
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from semsyn.errors import CheckpointError, InputError, UnknownNameError
from semsyn.hub import Card, convert_checkpoint, load_pretrained, save_pretrained
from semsyn.models.card import Origin
from tests.hub.models import CONFIGS, SPACE, make_generator, paint, write_options, write_originals


@pytest.mark.parametrize("case", CONFIGS)
def test_original_files_give_the_same_picture(case: str, tmp_path: Path) -> None:
    generator = make_generator(case)
    card = Card(name=f"{case.partition('-')[0]}/test", config=generator.config)
    found = convert_checkpoint(write_originals(generator, tmp_path), card=card, label_space=SPACE)
    assert found.generator.config == generator.config
    assert found.generator.label_space == SPACE
    assert not found.generator.training
    torch.testing.assert_close(paint(found.generator), paint(generator), rtol=0, atol=0)
    state = generator.state_dict()
    for key, tensor in found.generator.state_dict().items():
        assert torch.equal(tensor, state[key]), key


def test_the_verdict_reads_well(tmp_path: Path) -> None:
    folder = write_originals(make_generator("clade-icpe"), tmp_path / "a")
    assert (
        convert_checkpoint(folder, image_size=(64, 64), upsampling="normal").verdict
        == "CLADE, 5 classes, ICPE, width 2, 64×64"
    )
    folder = write_originals(make_generator("inade"), tmp_path / "b")
    verdict = convert_checkpoint(folder, image_size=(64, 64), upsampling="normal").verdict
    assert verdict == "INADE, 5 classes, encoder, code 8, instance codes 4, width 2, 64×64"


def test_the_files_are_on_record(tmp_path: Path) -> None:
    folder = write_originals(make_generator("inade"), tmp_path)
    card = convert_checkpoint(folder, image_size=(64, 64), upsampling="normal").generator.card
    assert card.name == "inade/custom"
    assert card.license == "unknown"
    assert [type(origin) for origin in card.origin] == [Origin, Origin]
    assert [origin.file for origin in card.origin] == ["latest_net_G.pth", "latest_net_E.pth"]
    assert all(len(origin.sha256) == 64 for origin in card.origin)


def test_a_generator_without_its_encoder_is_enough(tmp_path: Path) -> None:
    generator = make_generator("inade")
    folder = write_originals(generator, tmp_path)
    card = Card(name="inade/test", config=generator.config)
    alone = convert_checkpoint(folder / "latest_net_G.pth", card=card).generator
    assert alone.encoder is None
    assert alone.config == replace(generator.config, has_encoder=False)
    assert torch.equal(paint(alone), paint(generator))


def test_facts_come_from_options_beside_the_file(tmp_path: Path) -> None:
    generator = make_generator("spade-edges")
    folder = write_originals(generator, tmp_path)
    options = {
        "label_nc": 5,
        "ngf": 2,
        "crop_size": 128,
        "aspect_ratio": 2.0,
        "num_upsampling_layers": "more",
        "no_instance": False,
    }
    write_options(folder, **options, contain_dontcare_label=False, batchSize=16)
    assert convert_checkpoint(folder / "latest_net_G.pth").generator.config == generator.config


def test_oasis_from_its_folder_by_options_card_or_label_space(tmp_path: Path) -> None:
    generator = make_generator("oasis")
    write_originals(generator, tmp_path / "models", "best")
    with pytest.raises(InputError, match="11 label channels.*pass label_space="):
        convert_checkpoint(tmp_path, image_size=(64, 128))
    found = convert_checkpoint(tmp_path, image_size=(64, 128), label_space=SPACE)
    assert found.generator.config == generator.config
    assert found.verdict == "OASIS, 5 classes, code 6, width 2, 64×128"
    write_options(tmp_path, label_nc=4, contain_dontcare_label=True, z_dim=6, crop_size=128, aspect_ratio=2.0)
    found = convert_checkpoint(tmp_path)
    assert found.generator.config == generator.config
    assert found.generator.card.origin[0].file == "best_EMA.pth"
    assert torch.equal(paint(found.generator), paint(generator))
    write_options(tmp_path, dataroot="x")  # which tells nothing
    with pytest.raises(InputError, match="11 label channels"):
        convert_checkpoint(tmp_path)


def test_arguments_win_over_options(tmp_path: Path) -> None:
    folder = write_originals(make_generator("spade"), tmp_path)
    write_options(folder, label_nc=4, contain_dontcare_label=True, no_instance=True, crop_size=512)
    assert convert_checkpoint(folder).generator.config.image_size == (512, 512)
    found = convert_checkpoint(folder, image_size=(96, 64), upsampling="normal").generator.config
    assert (found.image_size, found.num_classes, found.has_edges) == ((96, 64), 5, False)


def test_what_a_file_does_not_tell_is_asked_for(tmp_path: Path) -> None:
    folder = write_originals(make_generator("clade-most"), tmp_path / "a")
    with pytest.raises(InputError, match=r"does not tell image_size: pass image_size=\(h, w\)"):
        convert_checkpoint(folder)
    assert convert_checkpoint(folder, image_size=(128, 256)).generator.config.upsampling == "most"
    folder = write_originals(make_generator("spade"), tmp_path / "b")
    with pytest.raises(InputError, match="5 label channels.*pass has_edges="):
        convert_checkpoint(folder, image_size=(64, 64), upsampling="normal")
    config = convert_checkpoint(folder, image_size=(64, 64), upsampling="normal", has_edges=True).generator.config
    assert (config.num_classes, config.has_edges) == (4, True)


def test_released_shapes_are_recognised_by_their_cards(tmp_path: Path) -> None:
    generator = make_generator("clade-icpe", num_classes=151, width=64, image_size=(32, 32))
    folder = write_originals(generator, tmp_path)
    with pytest.raises(InputError, match="The file fits 'clade/ade20k-icpe' and 'clade/ade20k-outdoor-icpe'"):
        convert_checkpoint(folder)
    with pytest.raises(
        CheckpointError, match=r"does not fit card clade/ade20k: has_offsets is True in the file.*clade/ade20k-icpe"
    ):
        convert_checkpoint(folder, card="clade/ade20k")
    with pytest.raises(CheckpointError, match=r"holds a CLADE generator, but spade/ade20k is SPADE.*clade/ade20k-icpe"):
        convert_checkpoint(folder, card="spade/ade20k")


def test_a_size_that_a_code_stem_does_not_have_is_refused(tmp_path: Path) -> None:
    folder = write_originals(make_generator("inade"), tmp_path)
    with pytest.raises(CheckpointError, match="makes 4 pixels"):
        convert_checkpoint(folder, image_size=(128, 64), upsampling="normal")


def test_other_networks_are_called_what_they_are(tmp_path: Path) -> None:
    folder = write_originals(make_generator("inade"), tmp_path)
    cases = {
        "discriminator": ({"discriminator_0.model0.0.weight": torch.ones(1)}, "it is a discriminator"),
        "encoder": (torch.load(folder / "latest_net_E.pth"), "it is an encoder"),
        "ours": (make_generator().state_dict(), "its names are semsyn's"),
        "other": ({"layer.weight": torch.ones(1)}, "its first keys are layer.weight"),
    }
    for name, (state, message) in cases.items():
        torch.save(state, tmp_path / f"{name}.pth")
        with pytest.raises(CheckpointError, match=message):
            convert_checkpoint(tmp_path / f"{name}.pth", image_size=(64, 64), upsampling="normal")
    with pytest.raises(CheckpointError, match="encoder's file does not belong to INADE"):
        files = {"generator": folder / "latest_net_G.pth", "encoder": folder / "latest_net_G.pth"}
        convert_checkpoint(files, image_size=(64, 64), upsampling="normal")


@pytest.mark.parametrize("change", ["missing", "extra", "shape", "no-weight_orig"])
def test_states_that_do_not_fit_are_refused(change: str, tmp_path: Path) -> None:
    path = write_originals(make_generator("clade-icpe"), tmp_path) / "latest_net_G.pth"
    state = torch.load(path)
    if change == "missing":
        del state["up_1.conv_0.bias"]
    elif change == "extra":
        state["up_9.conv_0.bias"] = torch.ones(1)
    elif change == "shape":
        state["up_1.conv_0.bias"] = torch.ones(3)
    else:
        del state["up_1.conv_0.weight_orig"]
    torch.save(state, path)
    with pytest.raises(CheckpointError, match="up_1|up_9|stages.4"):
        convert_checkpoint(path, image_size=(64, 64), upsampling="normal")


def test_files_of_old_torch_load(tmp_path: Path) -> None:
    generator = make_generator("clade-icpe")
    path = write_originals(generator, tmp_path) / "latest_net_G.pth"
    state = torch.load(path)
    for key in list(state):
        if key.endswith(("num_batches_tracked", "weight_v")):
            del state[key]
    for key in [key for key in state if key.endswith("weight_orig")]:
        stage, conv = key.split(".")[:2]
        index = {"head_0": 0, "G_middle_0": 1, "G_middle_1": 2, "up_0": 3, "up_1": 4, "up_2": 5, "up_3": 6}[stage]
        state[key.replace("weight_orig", "weight")] = getattr(generator.painter.stages[index], conv).weight.detach()
    torch.save(state, path)
    found = convert_checkpoint(path, image_size=(64, 64), upsampling="normal").generator
    torch.testing.assert_close(paint(found), paint(generator), rtol=1e-4, atol=1e-5)


def _rename_spectral_norm(state: dict[str, Any]) -> dict[str, Any]:
    """The names of the newer spectral norm."""
    names = {"weight_orig": "original", "weight_u": "0._u", "weight_v": "0._v"}
    pattern = re.compile(r"\b(weight_orig|weight_u|weight_v)$")
    return {pattern.sub(lambda found: f"parametrizations.weight.{names[found[1]]}", k): t for k, t in state.items()}


def _prefix(state: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {f"{prefix}{key}": tensor for key, tensor in state.items()}


DISCRIMINATOR = {"discriminator_0.model0.0.weight": torch.ones(1)}
SAVED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "compiled": lambda state: _prefix(state, "_orig_mod."),
    "compiled-blocks": lambda state: {key.replace(".", "._orig_mod.", 1): t for key, t in state.items()},
    "parallel": lambda state: _prefix(state, "module._orig_mod."),
    "newer-spectral-norm": _rename_spectral_norm,
    "larger-module": lambda state: _prefix(state, "netG.") | _prefix(DISCRIMINATOR, "netD."),
    "lightning": lambda state: {
        "state_dict": _prefix(_rename_spectral_norm(state), "generator._orig_mod."),
        "hyper_parameters": {"opt": Namespace(lr=np.float64(1e-4), name="x")},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(1)}}}],
    },
    "several": lambda state: {"netD": DISCRIMINATOR, "netG": state, "epoch": 3, "best": np.float32(0.5)},
}


@pytest.mark.parametrize("way", SAVED)
@pytest.mark.parametrize("case", ["clade-icpe", "oasis"])
def test_files_of_other_training_code_give_the_same_picture(way: str, case: str, tmp_path: Path) -> None:
    generator = make_generator(case)
    path = next(write_originals(generator, tmp_path).glob("latest_*"))
    torch.save(SAVED[way](torch.load(path)), path)
    found = convert_checkpoint(path, card=Card(name=f"{generator.config.family}/x", config=generator.config))
    assert torch.equal(paint(found.generator), paint(generator))
    assert bool(found.notes) == (way in ("larger-module", "lightning", "several"))


def test_one_of_several_generators_is_chosen_by_its_key(tmp_path: Path) -> None:
    generator = make_generator("clade-icpe")
    path = write_originals(generator, tmp_path) / "latest_net_G.pth"
    state = torch.load(path)
    other = {key: tensor * 2 for key, tensor in state.items()}
    torch.save({"G": other, "ema": {"net": state}, "D": DISCRIMINATOR}, path)
    size: dict[str, Any] = {"image_size": (64, 64), "upsampling": "normal"}
    with pytest.raises(CheckpointError, match=rf"'G' \({len(state)} tensors\), 'ema.net' .*key='G' .*--key"):
        convert_checkpoint(path, **size)
    found = convert_checkpoint(path, key="ema", **size)
    assert torch.equal(paint(found.generator), paint(generator))
    assert found.notes[0] == "the generator is 'ema.net' in latest_net_G.pth"
    assert "what the class ids mean is not known" in found.notes[1]
    with pytest.raises(
        CheckpointError, match="nothing under the key 'H'; it holds 'G' .*'D' .*'ema.net' .* tensors\\)\\.$"
    ):
        convert_checkpoint(path, key="H", **size)
    with pytest.raises(CheckpointError, match="it is a discriminator"):
        convert_checkpoint(path, key="D", **size)


def test_the_key_goes_through_loading(tmp_path: Path) -> None:
    generator = make_generator("clade-icpe")
    path = write_originals(generator, tmp_path) / "latest_net_G.pth"
    state = torch.load(path)
    torch.save({"G": {key: tensor * 2 for key, tensor in state.items()}, "ema": state}, path)
    write_options(tmp_path, label_nc=5, crop_size=64, add_dist=True, no_instance=True)
    assert torch.equal(paint(load_pretrained(path, key="ema")), paint(generator))
    with pytest.raises(InputError, match="key='ema' is for original files"):
        load_pretrained("clade/toyscenes", key="ema")


def test_a_file_of_semsyn_is_not_converted_again(tmp_path: Path) -> None:
    path = save_pretrained(make_generator("clade-icpe"), tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match="is a file of semsyn already.*load_pretrained"):
        convert_checkpoint(path)


def test_a_file_that_its_options_do_not_fit(tmp_path: Path) -> None:
    folder = write_originals(make_generator("inade"), tmp_path)
    write_options(folder, label_nc=5, crop_size=128, z_dim=8)
    with pytest.raises(CheckpointError, match="makes 4 pixels"):
        convert_checkpoint(folder)
    folder = write_originals(make_generator("spade"), tmp_path / "spade")
    write_options(folder, label_nc=7, crop_size=64, no_instance=False)
    with pytest.raises(CheckpointError, match="does not fit the arguments and opt.txt: num_classes is 4 in the file"):
        convert_checkpoint(folder)


def test_generator_and_encoder_may_share_a_file(tmp_path: Path) -> None:
    generator = make_generator("inade")
    folder = write_originals(generator, tmp_path)
    both = {"netG": torch.load(folder / "latest_net_G.pth"), "netE": torch.load(folder / "latest_net_E.pth")}
    torch.save(both, folder / "both.pth")
    files = {"generator": folder / "both.pth", "encoder": folder / "both.pth"}
    found = convert_checkpoint(files, image_size=(64, 64), upsampling="normal")
    assert found.generator.config == generator.config
    assert torch.equal(paint(found.generator), paint(generator))


def test_weight_normalised_layers_are_told_apart(tmp_path: Path) -> None:
    path = write_originals(make_generator("clade-icpe"), tmp_path) / "latest_net_G.pth"
    state = _rename_spectral_norm(torch.load(path))
    torch.save(
        {re.sub(r"original$", "original1", key): tensor for key, tensor in state.items() if "._" not in key}, path
    )
    with pytest.raises(CheckpointError, match="parametrizations other than spectral.*remove_parametrizations"):
        convert_checkpoint(path, image_size=(64, 64), upsampling="normal")


@pytest.mark.parametrize("ratio", [0, -1, 1e-9, float("inf"), float("nan")])
@pytest.mark.parametrize("case", ["clade-icpe", "oasis"])
def test_options_with_no_picture_are_refused(case: str, ratio: float, tmp_path: Path) -> None:
    folder = write_originals(make_generator(case), tmp_path)
    options = {"label_nc": 5, "crop_size": 64, "aspect_ratio": ratio}
    with pytest.raises(CheckpointError, match=f"aspect_ratio is {float(ratio)}; it is width / height"):
        convert_checkpoint(folder, options=options)


def test_wrong_names_and_spaces(tmp_path: Path) -> None:
    folder = write_originals(make_generator(), tmp_path)
    with pytest.raises(UnknownNameError, match="clade/ade20k"):
        convert_checkpoint(folder, card="clade/ade20")
    with pytest.raises(InputError, match="has 35 classes, the generator 5"):
        convert_checkpoint(folder, image_size=(64, 64), upsampling="normal", label_space="cityscapes")
