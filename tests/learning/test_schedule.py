import pytest

from onephase.learning.schedule import averaging_decay, learning_rate_share


@pytest.mark.parametrize("steps", [1, 2, 10, 1000])
def test_the_learning_rate_rises_then_falls(steps):
    shares = [learning_rate_share(step, steps=steps) for step in range(steps)]
    top = shares.index(max(shares))
    assert shares[: top + 1] == sorted(shares[: top + 1])
    assert shares[top:] == sorted(shares[top:], reverse=True)
    assert all(0 <= share <= 1 for share in shares)


def test_averaging_forgets_the_start():
    assert averaging_decay(0, decay=0.99) == 0.1
    assert averaging_decay(5000, decay=0.99) == 0.99
