import resource
import signal

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.errors import StorageError, TrainingError  # noqa: E402
from onephase.learning.checkpoint import (  # noqa: E402
    CHECKPOINT_NAME,
    optimizer_tensors,
    read_checkpoint,
    restore_optimizer,
    write_checkpoint,
)

pytestmark = pytest.mark.torch


def test_what_was_written_comes_back(tmp_path):
    tensors = {"a": torch.randn(2, 3, 4).permute(2, 0, 1), "b": torch.tensor(3)}
    write_checkpoint(tmp_path, tensors, facts={"step": 4, "history": [{"nll": 0.1}]})
    found, facts = read_checkpoint(tmp_path)
    assert facts == {"step": 4, "history": [{"nll": 0.1}]}
    assert set(found) == {"a", "b"}
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_no_checkpoint_is_none(tmp_path):
    assert read_checkpoint(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 pickled", b"\x02\0\0\0\0\0\0\0{}"])
def test_a_broken_checkpoint_is_refused(tmp_path, content):
    (tmp_path / CHECKPOINT_NAME).write_bytes(content)
    with pytest.raises(TrainingError, match=r"checkpoint\.safetensors is not a checkpoint of a training run"):
        read_checkpoint(tmp_path)


def test_a_restored_optimiser_takes_the_same_step():
    def network():
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Linear(5, 1))

    def step(network, optimizer, seed):
        torch.manual_seed(seed)
        optimizer.zero_grad()
        network(torch.randn(6, 4)).square().sum().backward()
        optimizer.step()

    first = network()
    optimizer = torch.optim.AdamW(first.parameters())
    step(first, optimizer, 1)
    step(first, optimizer, 2)
    second = network()
    second.load_state_dict(first.state_dict())
    again = torch.optim.AdamW(second.parameters())
    restore_optimizer(again, second, tensors=optimizer_tensors(optimizer, first))
    step(first, optimizer, 3)
    step(second, again, 3)
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_full_disk_is_one_sentence_and_keeps_the_state_before(tmp_path):
    """A limit on the size of a file stands for the disk."""
    write_checkpoint(tmp_path, {"a": torch.zeros(2)}, facts={"step": 1})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    silenced = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(StorageError, match=r"checkpoint\.safetensors could not be written"):
            write_checkpoint(tmp_path, {"a": torch.zeros(10_000)}, facts={"step": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, silenced)
    assert read_checkpoint(tmp_path)[1] == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT_NAME]
