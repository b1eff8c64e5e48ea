"""Contact sheets of generators."""

import numpy as np

from semsyn.data.io.whole_file import write_picture
from semsyn.data.spaces.label_space import label_space
from semsyn.evaluate.sheet import CAPTION, draw_sheet

SPACE = label_space("toyscenes")
ROW = CAPTION + 128


def test_rows_of_the_sheet(by_instance, scenes, tmp_path):
    sheet = draw_sheet(by_instance, scenes, SPACE, count=3)
    assert sheet.size == (3 * 128, 5 * ROW)
    pixels = np.asarray(sheet)
    layout, _ = scenes.batch([0, 1, 2])
    assert np.array_equal(pixels[CAPTION:ROW, 128:256], SPACE.to_colors(layout.class_ids)[1])
    assert np.array_equal(pixels[ROW + CAPTION : 2 * ROW, 256:], scenes.image[2])
    captions = [pixels[ROW * row : ROW * row + CAPTION] for row in range(5)]
    assert all(0 < (caption < 128).mean() < 0.2 for caption in captions), "each row has one"
    by_instance.encoder = None
    plain = np.asarray(draw_sheet(by_instance, scenes, SPACE))
    assert plain.shape == (3 * ROW, 6 * 128, 3)
    last = pixels[4 * ROW + CAPTION :]
    assert np.array_equal(plain[2 * ROW + CAPTION :, : 3 * 128], last), "one draw, by the scene's number"
    write_picture(sheet, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").exists()


def test_classes_without_a_palette_have_the_released_colours(by_instance, scenes):
    pixels = np.asarray(draw_sheet(by_instance, scenes, SPACE.num_classes, count=1))
    assert len(np.unique(pixels[CAPTION:ROW].reshape(-1, 3), axis=0)) == len(scenes.batch([0])[0].class_ids.unique())
