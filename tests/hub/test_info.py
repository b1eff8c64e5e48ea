import json

import pytest

from semsyn.errors import UnknownNameError
from semsyn.hub import info, list_pretrained
from semsyn.hub.info import explain_missing
from semsyn.models import CARDS


def test_released_and_bundled_names_are_listed() -> None:
    assert list_pretrained("clade/*") == [
        "clade/ade20k",
        "clade/ade20k-icpe",
        "clade/ade20k-outdoor",
        "clade/ade20k-outdoor-icpe",
        "clade/cityscapes",
        "clade/cityscapes-icpe",
        "clade/coco",
        "clade/coco-icpe",
        "clade/toyscenes",
    ]
    assert list_pretrained("spade/*") == ["spade/ade20k", "spade/cityscapes", "spade/coco"]
    assert {"inade/ade20k", "inade/celeba", "inade/cityscapes", "inade/deepfashion", "inade/toyscenes"} <= set(
        list_pretrained()
    )
    assert "spade/facades" in list_pretrained("spade/*", everything=True)
    assert "inade/celeba-sketch" not in list_pretrained()
    assert set(list_pretrained(everything=True)) == set(CARDS)
    assert list_pretrained("nothing*") == []


def test_info_reads_well() -> None:
    text = str(info("inade/celeba"))
    for part in (
        "INADE, 19 classes, encoder",
        "CC-BY-NC-SA-4.0 (no commercial use)",
        "https://arxiv.org/abs/2103.06878",
        "best_net_G.pth, best_net_E.pth in folder inade_celeba",
        'semsyn.load_pretrained("inade/celeba", checkpoint="inade_celeba")',
    ):
        assert part in text
    assert "checkpoint=" not in str(info("clade/toyscenes"))
    assert 'semsyn.create("spade/facades")' in str(info("spade/facades"))


@pytest.mark.parametrize("name", CARDS)
def test_every_card_has_an_info_for_programs(name: str) -> None:
    found = info(name)
    data = json.loads(json.dumps(found.to_dict()))
    assert data["name"] == name
    assert data["status"] in ("bundled", "released", "unconfirmed", "untrained")
    assert data["summary"] and data["run"] and data["paper"].startswith("https://arxiv.org/abs/")
    assert str(found).startswith(name)
    if data["status"] != "bundled":
        assert name in explain_missing(CARDS[name])


def test_unknown_names_list_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="clade/coco"):
        info("clade/cocos")
