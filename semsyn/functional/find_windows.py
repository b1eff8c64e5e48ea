"""The distinct windows of a label map: what convolutions of it are functions of."""

from torch import Tensor

from semsyn.errors import InputError, check_shape
from semsyn.functional.checks import check_integers
from semsyn.ops.find_windows.reference import find_windows_reference
from semsyn.signature import checked


@checked(kernel_size=1)
def find_windows(ids: Tensor, kernel_size: int, *, outside: int) -> tuple[Tensor, Tensor]:
    """Number the distinct k x k neighbourhoods of an id map, over the whole batch.

    A convolution of the map has one value per distinct window. Two convolutions in a row have one per distinct window
    of
    windows: number the windows of the numbers that this returns.

    Args:
        ids: n h w, int64.
        kernel_size: k, odd.
        outside: the id that stands for what lies outside of the map; an id of the map itself is allowed.

    Returns:
        numbers: n h w, int64 in [0, r), in the order of each window's first pixel.
        windows: r (k k), int64, the ids in each window, row by row.

    Shapes depend on the data. Windows are hashed, and each is compared with the representative of its hash: a collision
    costs another round, never a wrong number.

    Raises:
        InputError: for an even kernel size or another rank.
    """
    check_integers(ids, "ids")
    check_shape(ids, "n h w", name="ids")
    if kernel_size % 2 == 0:
        raise InputError(f"kernel_size must be odd, found {kernel_size}.")
    return find_windows_reference(ids.long(), kernel_size, outside)
