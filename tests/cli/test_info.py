import json
from collections.abc import Callable


def test_a_released_network(semsyn: Callable) -> None:
    code, out, err = semsyn("info", "clade/ade20k")
    assert (code, err) == (0, "")
    assert "CC-BY-NC-SA-4.0 (no commercial use)" in out
    assert "semsyn convert ade20k --card clade/ade20k --out clade-ade20k.safetensors" in out


def test_a_bundled_network(semsyn: Callable) -> None:
    assert "semsyn generate clade/toyscenes map.png --out pictures" in semsyn("info", "clade/toyscenes").out


def test_a_preset_without_weights(semsyn: Callable) -> None:
    out = semsyn("info", "spade/cityscapes-vae").out
    assert 'semsyn.create("spade/cityscapes-vae")' in out
    assert "on the command line" not in out


def test_json(semsyn: Callable) -> None:
    found = json.loads(semsyn("info", "clade/ade20k", "--json").out)
    assert found["config"]["num_classes"] == 151
    assert found["original"]["files"] == {"generator": "best_net_G.pth"}
    assert found["commands"][1] == "semsyn generate clade-ade20k.safetensors map.png --out pictures"


def test_an_unknown_name(semsyn: Callable) -> None:
    code, out, err = semsyn("info", "clade/ade2k")
    assert (code, out) == (2, "")
    assert err.startswith("semsyn: error: unknown name 'clade/ade2k'; did you mean clade/ade20k")
