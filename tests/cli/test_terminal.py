import pytest

from onephase.cli import terminal


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, which a test moves on."""
    now = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize("before", [0, 300])
def test_the_time_left_is_told_by_what_was_done_now(
    clock: list[float], capsys: pytest.CaptureFixture[str], before: int
) -> None:
    """What a broken run had finished took no time of this one."""
    with terminal.TerminalProgress() as progress:
        progress("train", before, before + 100)
        clock[0] = 20.0
        progress("train", before + 10, before + 100)
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"train: {before} of {before + 100}, 0 s"
    assert second == f"train: {before + 10} of {before + 100}, 20 s, about 180 s left"
