import pytest

from semsyn.ops.normalized_affine import launch


@pytest.mark.parametrize("channels", [1, 3, 64, 1000])
@pytest.mark.parametrize("pixels", [1, 15, 2**16])
def test_tiles_have_sizes_that_triton_takes(channels: int, pixels: int) -> None:
    for pixel_stride in (1, channels):
        for itemsize in (2, 4):
            tile = launch.statistics_tile(channels, pixels, pixel_stride, itemsize)
            assert all(size >= 1 and size & (size - 1) == 0 for size in tile)
            assert tile[0] * tile[1] <= launch.ELEMENTS


@pytest.mark.parametrize("pixels", [1, 511, 512, 513, 2**16, 2**24 + 1])
@pytest.mark.parametrize("rows", [1, 32, 10**6])
def test_parts_cover_the_pixels_and_none_is_empty(pixels: int, rows: int) -> None:
    splits, length = launch.split(pixels, 512, rows)
    assert (splits - 1) * length < pixels <= splits * length
    assert length % 512 == 0 and length <= 512 * launch.MAX_TILES


def test_one_image_fills_a_card() -> None:
    """The layers of a generator from 64 x 64 pixels on, one picture at a time."""
    for channels, side in ((1024, 64), (512, 128), (256, 256), (128, 256), (64, 512)):
        for pixel_stride in (1, channels):
            block_c, block_p = launch.statistics_tile(channels, side**2, pixel_stride, 4)
            rows = launch.ceil_div(channels, block_c)
            assert rows * launch.split(side**2, block_p, rows)[0] >= 1024
