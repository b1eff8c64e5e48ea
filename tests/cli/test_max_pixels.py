from pathlib import Path

import pytest
from PIL import Image

from semsyn.cli.main import main
from semsyn.data import allow_pixels
from semsyn.data.io.pictures import MAX_PIXELS
from semsyn.testing.attack.maps import huge_png


def test_huge_maps_are_read_when_that_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, before = tmp_path / "map.png", Image.MAX_IMAGE_PIXELS
    path.write_bytes(huge_png(8193, 4096))
    assert main(["inspect", str(path)]) == 2
    assert "--max-pixels 33558528 on the command line" in capsys.readouterr().err
    path.write_bytes(huge_png(4, 4))
    try:
        assert main(["inspect", str(path), "--max-pixels", "15"]) == 2
        assert main(["inspect", str(path), "--max-pixels", "16"]) == 0
    finally:
        allow_pixels(MAX_PIXELS)
        Image.MAX_IMAGE_PIXELS = before
