from semsyn.evaluate.balance import share_pictures


def test_maps_of_rare_classes_get_more_and_the_sum_stays() -> None:
    shown = [{0}, {0}, {0}, {0, 1}]
    assert share_pictures(shown, 4, is_balanced=False) == [4, 4, 4, 4]
    # Repeat factors: 1 of class 0, which all show, and (1/4)^(-1/2) = 2 of class 1.
    assert share_pictures(shown, 5, is_balanced=True) == [4, 4, 4, 8]
    assert share_pictures([set(), {0}], 1, is_balanced=True) == [1, 1]
    assert min(share_pictures([{0}] * 99 + [{1}], 1, is_balanced=True)) == 1
