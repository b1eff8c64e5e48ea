import json
from collections.abc import Callable

from semsyn.hub import list_pretrained
from semsyn.models import CARDS


def names(out: str) -> list[str]:
    return [line.split()[0] for line in out.splitlines()[1:]]


def test_all_names_are_listed(semsyn: Callable) -> None:
    code, out, err = semsyn("list")
    assert (code, err) == (0, "")
    assert names(out) == list_pretrained()
    assert names(semsyn("list", "--all").out) == sorted(CARDS)


def test_a_pattern_or_a_part_of_the_name(semsyn: Callable) -> None:
    assert names(semsyn("list", "clade/*").out) == list_pretrained("clade/*")
    assert names(semsyn("list", "cityscapes").out) == list_pretrained("*cityscapes*")


def test_json(semsyn: Callable) -> None:
    found = json.loads(semsyn("list", "--json", "clade/ade20k").out)
    assert [entry["name"] for entry in found] == list_pretrained("*clade/ade20k*")
    assert found[0]["status"] == "released"
    assert found[0]["non_commercial"] is True
    assert found[0]["summary"] == "CLADE, 151 classes, width 64, 256×256"


def test_no_match_lists_the_nearest(semsyn: Callable) -> None:
    code, out, err = semsyn("list", "clade/ade2k")
    assert (code, out) == (2, "")
    assert "unknown name 'clade/ade2k'; did you mean clade/ade20k" in err
