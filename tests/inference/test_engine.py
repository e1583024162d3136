"""Only a network that stands alone, with our inputs and outputs, is opened."""

import copy
import warnings

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from onephase.errors import BundleError, MissingExtraError
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.inference import openvino_session
from onephase.inference.engine import OUTPUTS, open_engine
from onephase.inference.engine_name import EngineName
from onephase.inference.onnx_file import refuse_external_data
from onephase.inference.openvino_session import open_openvino

ENGINES: tuple[EngineName, EngineName] = ("onnxruntime", "openvino")


def external_tensor(name: str = "stolen") -> TensorProto:
    """Return a tensor whose values lie in another file."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../secret")
    return tensor


def subgraph() -> onnx.GraphProto:
    """Return a graph that holds the tensor, for the branch of a condition."""
    return helper.make_graph([], "branch", [], [], [external_tensor()])


@pytest.fixture
def model(network: onnx.ModelProto) -> onnx.ModelProto:
    """A network of one's own."""
    return copy.deepcopy(network)


def test_a_clean_network_passes(network: onnx.ModelProto) -> None:
    refuse_external_data(network.SerializeToString(), source="a")
    assert open_engine(network.SerializeToString(), source="a", threads=1).patch_voxels == (12, 14, 16)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("place", ["initialiser", "constant", "branch", "sparse", "function", "training"])
def test_external_data_is_found_wherever_it_hides(model: onnx.ModelProto, place: str, name: EngineName) -> None:
    if place == "initialiser":
        model.graph.initializer.append(external_tensor())
    elif place == "constant":
        model.graph.node.append(helper.make_node("Constant", [], ["c"], value=external_tensor()))
    elif place == "branch":
        model.graph.node.append(helper.make_node("If", ["c"], ["d"], then_branch=subgraph(), else_branch=subgraph()))
    elif place == "sparse":
        model.graph.sparse_initializer.add(values=external_tensor())
    elif place == "function":
        model.functions.add(name="f", node=[helper.make_node("Constant", [], ["c"], value=external_tensor())])
    else:
        model.training_info.add(initialization=subgraph())
    with pytest.raises(BundleError, match=r"net\.onnx points to tensor data outside itself"):
        open_engine(model.SerializeToString(), source="net.onnx", threads=1, name=name)


@pytest.mark.parametrize("sign", ["location", "entries"])
def test_one_sign_of_external_data_is_enough(model: onnx.ModelProto, sign: str) -> None:
    tensor = external_tensor()
    tensor.ClearField("external_data" if sign == "location" else "data_location")
    model.graph.initializer.append(tensor)
    with pytest.raises(BundleError, match="outside itself"):
        refuse_external_data(model.SerializeToString(), source="net.onnx")


@pytest.mark.parametrize("name", ENGINES)
@given(cut=st.floats(0, 1, exclude_max=True))
def test_a_truncated_network_is_refused(network: onnx.ModelProto, name: EngineName, cut: float) -> None:
    content = network.SerializeToString()
    with pytest.raises(BundleError):
        open_engine(content[: int(cut * len(content))], source="net.onnx", threads=1, name=name)


@pytest.mark.parametrize("name", ENGINES)
@given(content=st.binary(max_size=300))
def test_any_bytes_are_answered_in_one_sentence(name: EngineName, content: bytes) -> None:
    with pytest.raises(BundleError, match=r"^net\.onnx [^\n]*$"):
        open_engine(content, source="net.onnx", threads=1, name=name)


@pytest.mark.parametrize("name", ENGINES)
def test_other_outputs_are_refused(model: onnx.ModelProto, name: EngineName) -> None:
    del model.graph.output[0]
    with pytest.raises(BundleError, match="expected"):
        open_engine(model.SerializeToString(), source="net.onnx", threads=1, name=name)


@pytest.mark.parametrize("name", ENGINES)
def test_a_patch_of_any_size_is_refused(model: onnx.ModelProto, name: EngineName) -> None:
    for volume in model.graph.input[:2]:
        volume.type.tensor_type.shape.dim[2].dim_param = "slices"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = model.SerializeToString()
    with pytest.raises(BundleError, match="does not fix the size"):
        open_engine(content, source="net.onnx", threads=1, name=name)


def test_threads_change_no_digit(network: onnx.ModelProto) -> None:
    images = np.random.default_rng(5).normal(size=(2, 12, 14, 16)).astype(np.float32)
    numbers = np.zeros((2, len(DESCRIPTORS)), dtype=np.float32)
    engines = [open_engine(network.SerializeToString(), source="a", threads=threads) for threads in (1, 2)]
    answers = [engine.run(images, images, numbers) for engine in engines]
    assert all(np.allclose(answers[0][name], answers[1][name], atol=1e-6) for name in answers[0])


def test_both_engines_answer_alike(network: onnx.ModelProto) -> None:
    pytest.importorskip("openvino", reason="the extra 'fast' is not installed")
    images = np.random.default_rng(6).normal(size=(3, 12, 14, 16)).astype(np.float32)
    numbers = np.random.default_rng(7).normal(size=(3, len(DESCRIPTORS))).astype(np.float32)
    ours, theirs = (open_engine(network.SerializeToString(), source="a", threads=1, name=name) for name in ENGINES)
    assert (ours.name, theirs.name, theirs.patch_voxels) == ("onnxruntime", "openvino", (12, 14, 16))
    expected, answered = ours.run(images, -images, numbers), theirs.run(images, -images, numbers)
    for name in OUTPUTS:
        assert answered[name].dtype == np.float32
        np.testing.assert_allclose(answered[name], expected[name], rtol=1e-5, atol=1e-5)


def test_openvino_is_held_to_f32(network: onnx.ModelProto) -> None:
    openvino = pytest.importorskip("openvino", reason="the extra 'fast' is not installed")
    session = open_openvino(network.SerializeToString(), source="a", threads=1).session
    assert session.compiled.get_property("INFERENCE_PRECISION_HINT") == openvino.Type.f32


def test_openvino_where_it_is_absent_is_one_sentence(network: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_session, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"^openvino needs the extra 'fast'.*'\.\[fast\]' in the checkout"):
        open_engine(network.SerializeToString(), source="a", threads=1, name="openvino")
