"""A bundle around a network small enough to be written by hand, and a lesion to show it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from onephase.biomarkers.calibration import Calibration
from onephase.biomarkers.potentials import Potentials
from onephase.imaging.case import Case, Mask, Volume
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.imaging.geometry import Grid
from onephase.inference.bundle import Bundle, BundleContents, load_bundle, write_bundle
from onephase.inference.manifest import TrainingCohort, ValidationFigure
from onephase.settings import ImagingSettings, Settings

PATCH = (12, 14, 16)
REGION_WEIGHTS = np.array([[[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [0.3, 0.4, 0.3], [0.2, 0.5, 0.3]]], dtype=np.float32)


def tiny_network(patch: tuple[int, int, int] = PATCH, *, unary_scale: float = 1.0) -> onnx.ModelProto:
    """Return a network whose answer is a line in the mean of the image; its attention is a sigmoid of it."""
    constants = {
        "slope": np.array([[1.0, -0.5, 0.25]], dtype=np.float32) * np.float32(unary_scale),
        "offset": np.array([[0.5, 0.1, -1.0]], dtype=np.float32),
        "mu_offset": np.array(-1.2, dtype=np.float32),
        "sigma": np.array(0.8, dtype=np.float32),
        "zero": np.array(0, dtype=np.float32),
        "axes": np.array([1, 2, 3, 4], dtype=np.int64),
        "one": np.array([1], dtype=np.int64),
        "one_two": np.array([1, 2], dtype=np.int64),
        "weights": REGION_WEIGHTS,
        "coupling_value": np.array([0.4, -0.1, -0.1], dtype=np.float32),
        "shift_value": np.array([-0.3, -0.1, 0.2], dtype=np.float32),
    }
    nodes = [
        helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
        helper.make_node("ReduceMean", ["distance_mm", "axes"], ["far"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
        helper.make_node("Mul", ["column", "slope"], ["sloped"]),
        helper.make_node("Add", ["sloped", "offset"], ["unary"]),
        helper.make_node("Add", ["mean", "mu_offset"], ["ki67_mu"]),
        helper.make_node("ReduceMean", ["descriptors", "one"], ["number"], keepdims=0),
        helper.make_node("Add", ["far", "number"], ["unused"]),
        helper.make_node("Mul", ["unused", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "sigma"], ["ki67_sigma"]),
        helper.make_node("Sigmoid", ["image"], ["lit"]),
        helper.make_node("Squeeze", ["lit", "one"], ["attention"]),
        helper.make_node("Unsqueeze", ["nothing", "one_two"], ["spread"]),
        helper.make_node("Add", ["spread", "weights"], ["region_weights"]),
        helper.make_node("Identity", ["coupling_value"], ["coupling"]),
        helper.make_node("Identity", ["shift_value"], ["shift"]),
    ]
    shapes: dict[str, list[str | int]] = {
        "unary": ["batch", 3],
        "ki67_mu": ["batch"],
        "ki67_sigma": ["batch"],
        "attention": ["batch", *patch],
        "region_weights": ["batch", 4, 3],
        "coupling": [3],
        "shift": [3],
    }
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 1, *patch])
            for name in ("image", "distance_mm")
        ]
        + [helper.make_tensor_value_info("descriptors", TensorProto.FLOAT, ["batch", len(DESCRIPTORS)])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def contents_around(network: bytes) -> BundleContents:
    """Return the contents of a simulated bundle around an exported network."""
    return BundleContents(
        name="tiny",
        network=network,
        weights={"slope": np.array([1.0, -0.5, 0.25], dtype=np.float32)},
        settings=Settings(imaging=ImagingSettings(patch_voxels=PATCH, spacing_mm=2.0)),
        calibration=Calibration.identity(),
        prior=Potentials(
            unary=np.array([[0.9, 0.4, -1.3]]),
            ki67_mu=np.array([-1.3]),
            ki67_sigma=np.array([1.0]),
            coupling=np.array([0.6, 0.0, 0.0]),
            shift=np.zeros(3),
        ),
        split={"a": "train", "b, with a comma": "validation"},
        trained_on=(
            TrainingCohort(name="toy", provenance="simulated", cases=2, labels={"er": 2}, label_conventions=("truth",)),
        ),
        seeds={"learning": 1},
        validation={"log likelihood": ValidationFigure(value=-1.5, low=-1.7, high=-1.3, cases=20)},
    )


@pytest.fixture(scope="session")
def network() -> onnx.ModelProto:
    """The network of the fixtures, to be copied before it is changed."""
    return tiny_network()


@pytest.fixture(scope="session")
def contents(network: onnx.ModelProto) -> BundleContents:
    """What the bundle of the fixtures holds."""
    return contents_around(network.SerializeToString())


@pytest.fixture
def bundle_folder(tmp_path: Path, contents: BundleContents) -> Path:
    """A bundle of one's own, to be damaged."""
    write_bundle(tmp_path / "bundle", contents)
    return tmp_path / "bundle"


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory, contents: BundleContents) -> Bundle:
    """A loaded bundle."""
    folder = tmp_path_factory.mktemp("shared") / "bundle"
    write_bundle(folder, contents)
    return load_bundle(folder)


@pytest.fixture(scope="session")
def lesion() -> Callable[..., Case]:
    """Make a case with a bright ball as its lesion."""

    def make(case_id: str = "case-1", **more: object) -> Case:
        grid = Grid.axial((20, 36, 40), (2.0, 1.2, 1.0), origin_mm=(-20.0, -22.0, 10.0))
        index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1).astype(np.float64)
        apart_mm = np.linalg.norm(grid.position_mm(index) - grid.position_mm(np.array([10.0, 18.0, 20.0])), axis=-1)
        noise = np.random.default_rng(1).normal(0, 4, grid.shape)
        array = (100 + 80 * (apart_mm < 7) + noise).astype(np.float32)
        return Case(case_id, Volume(array, grid), Mask(apart_mm < 7, grid), **more)  # type: ignore[arg-type] # fields

    return make
