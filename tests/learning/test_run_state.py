import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.errors import TrainingError  # noqa: E402
from onephase.learning import run_state  # noqa: E402
from onephase.learning.run_state import EpochFigures, RunState  # noqa: E402
from onephase.network.network import build_network  # noqa: E402
from onephase.settings import LearningSettings  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture
def after(make_settings):
    """A function from gains and errors to the state of a run after such epochs; a weight is the epoch's number."""

    def state(*gains):
        settings = make_settings()
        network, averaged = (build_network(settings.network, settings.regions, settings.imaging) for _ in range(2))
        torch.nn.init.zeros_(averaged.head.unary)
        run = RunState(network, averaged, torch.optim.SGD(network.parameters()))
        for epoch, (gain, error) in enumerate(gains, start=1):
            torch.nn.init.constant_(averaged.head.unary, epoch)
            run.close_epoch(EpochFigures(epoch, 1.0, 1.0 - gain, gain, error, 1.2, 0.1))
        return run

    return state


@pytest.mark.parametrize(
    ("gains", "best", "kept"),
    [
        ([], 0, 0),
        ([(-0.1, 0.01), (-0.2, 0.01)], 0, 0),
        ([(0.1, 0.2), (0.3, 0.4)], 2, 0),
        ([(0.1, 0.05), (0.3, 0.4)], 2, 1),
        ([(0.1, 0.05), (0.3, 0.2), (0.3, 0.1), (0.2, 0.1)], 2, 2),
        ([(0.3, None)], 1, 0),
    ],
)
def test_what_gains_most_is_kept_where_it_gains_more_than_its_error(after, gains, best, kept):
    state = after(*gains)
    assert (state.best_epoch, state.kept_epoch) == (best, kept)
    assert (state.kept["head.unary"] == kept).all()


@pytest.mark.parametrize("changed", ["layer", "figure"])
def test_a_checkpoint_of_another_version_is_one_sentence(after, tmp_path, monkeypatch, changed):
    left, taken = after((0.1, 0.05)), after()
    if changed == "layer":
        left.network.register_buffer("more", torch.zeros(1))
        left.write(tmp_path, run_id="same")
    else:
        left.write(tmp_path, run_id="same")
        monkeypatch.setattr(run_state, "EpochFigures", lambda **_: (_ for _ in ()).throw(TypeError("no such figure")))
    with pytest.raises(TrainingError, match=r"is of another version of onephase .*: move it away to train anew"):
        taken.restore(tmp_path, run_id="same")
    assert taken.history == []


def test_training_stops_by_what_gains_most_and_not_by_what_is_kept(after):
    patient = LearningSettings(epochs=40, patience=2)
    assert not after((0.1, 0.05), (0.2, 0.5), (0.1, 0.5)).is_over(patient)
    assert after((0.2, 0.5), (0.1, 0.05), (0.1, 0.05)).is_over(patient)
    assert after((0.1, 0.05)).is_over(LearningSettings(epochs=1))
