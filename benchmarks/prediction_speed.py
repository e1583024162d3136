"""Predictions at once: `python benchmarks/prediction_speed.py BUNDLE IMAGE MASK`, beside the same through eager torch.

Cold, whole processes that take turns, on a warm file cache: the command with its page; the same down to
`prediction.json` alone, by each engine; and eager torch, which loads the bundle's weights into the network, reads and
prepares the same case with the same code and writes the same reading. Then warm, the network alone on that case's
patch, the engines taking turns. Last, what is on the disk and what an import costs. Everything f32.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onephase.inference.bundle import Bundle

AS_INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""What is installed has its bytecode: the run that fills the file cache writes it where it is stale."""
EAGER = "eager"
ENGINES = ("onnxruntime", "openvino")
IMPORTS = ("onephase", "onephase.cli.commands", "onephase.inference.predict", "onnxruntime", "openvino", "torch")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("bundle", type=Path)
    options.add_argument("image", type=Path)
    options.add_argument("mask", type=Path)
    options.add_argument("--runs", type=int, default=7)
    options.add_argument("--threads", type=int, default=1, help="of one run of the network")
    options.add_argument("--only", choices=[*ENGINES, EAGER], help="one cold prediction, of the process that is timed")
    options.add_argument("--out", type=Path)
    chosen = options.parse_args()
    if chosen.only == EAGER:
        _predict_eagerly(chosen.bundle, chosen.image, chosen.mask, chosen.out)
    elif chosen.only:
        _predict(chosen.bundle, chosen.image, chosen.mask, chosen.out, engine=chosen.only)
    else:
        print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
        _cold(chosen.bundle, chosen.image, chosen.mask, runs=chosen.runs)
        _warm(chosen.bundle, chosen.image, chosen.mask, rounds=10 * chosen.runs, threads=chosen.threads)
        _weights()
        print(f"\nload after: {os.getloadavg()[0]:.1f}")


def _predict(bundle: Path, image: Path, mask: Path, out: Path, *, engine: str) -> None:
    from onephase.inference.bundle import load_bundle
    from onephase.inference.predict import predict
    from onephase.readers.case import read_case
    from onephase.storage import write_json

    opened = load_bundle(bundle, engine=engine)  # type: ignore[arg-type] # one of the choices
    write_json(out, predict(opened, read_case(image, case_id="case", mask=mask)).to_json())


def _predict_eagerly(folder: Path, image: Path, mask: Path, out: Path) -> None:
    import numpy as np
    import torch

    from onephase.biomarkers.calibration import Calibration
    from onephase.biomarkers.posterior import PanelPosterior
    from onephase.imaging.preprocessing import prepare_patch
    from onephase.inference.reading import read_off
    from onephase.readers.case import read_case
    from onephase.settings import Settings
    from onephase.storage import write_json

    torch.set_num_threads(1)
    settings = Settings.model_validate_json((folder / "settings.json").read_bytes())
    network = _eager_network(folder, settings)
    calibration = Calibration.from_json(json.loads((folder / "calibration.json").read_bytes()))
    case = read_case(image, case_id="case", mask=mask)
    patch = prepare_patch(case, imaging=settings.imaging, regions=settings.regions)
    arrays = (patch.image[np.newaxis, np.newaxis], patch.distance_mm[np.newaxis, np.newaxis], patch.descriptors[None])
    with torch.inference_mode():
        output = network(*(torch.from_numpy(array.copy()) for array in arrays))
    posterior = PanelPosterior.from_potentials(calibration.apply(_potentials(network, output)))
    write_json(out, {"result": read_off(posterior, policy=settings.subtype_policy)[0].to_json()})


def _eager_network(folder: Path, settings: Any) -> Any:
    from safetensors.torch import load_file

    from onephase.network.network import build_network

    network = build_network(settings.network, settings.regions, settings.imaging)
    network.load_state_dict(load_file(folder / "weights.safetensors"), strict=True)
    return network.eval()


def _potentials(network: Any, output: Any) -> Any:
    from onephase.biomarkers.potentials import Potentials

    parts = {
        "unary": output.unary,
        "ki67_mu": output.ki67_mu,
        "ki67_sigma": output.ki67_log_sigma.exp(),
        "coupling": network.coupling.detach(),
        "shift": network.shift.detach(),
    }
    return Potentials(**{name: part.double().numpy() for name, part in parts.items()})


def _cold(bundle: Path, image: Path, mask: Path, *, runs: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        case, here = (str(bundle), str(image)), Path(scratch)
        command = (
            sys.executable,
            "-m",
            "onephase.cli",
            "predict",
            *case,
            "--mask",
            str(mask),
            "--out",
            str(here / "a"),
        )
        alone = (sys.executable, __file__, *case, str(mask), "--out", str(here / "b.json"), "--only")
        ways = {
            "onephase predict, page and JSON": command,
            **{f"to prediction.json, {engine}": (*alone, engine) for engine in ENGINES},
            "to prediction.json, eager torch": (*alone, EAGER),
        }
        for way in ways.values():  # fills the file cache
            _run(way)
        seen: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ways}
        for _ in range(runs):
            for name, way in ways.items():
                seen[name].append(_run(way))
    print("| cold, whole process | wall s: median | least | processor s: median | least | memory MiB |")
    print("|---|---|---|---|---|---|")
    for name, times in seen.items():
        wall, processor, memory = zip(*times, strict=True)
        middle = [statistics.median(wall), min(wall), statistics.median(processor), min(processor)]
        print(f"| {name} | {' | '.join(f'{one:.2f}' for one in middle)} | {max(memory):.0f} |")


def _run(command: tuple[str, ...]) -> tuple[float, float, float]:
    """Return wall seconds, processor seconds and the largest memory in MiB of a whole process."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=AS_INSTALLED, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} failed with exit code {process.returncode}")
    return time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _warm(folder: Path, image: Path, mask: Path, *, rounds: int, threads: int) -> None:
    import numpy as np
    import torch

    from onephase.imaging.preprocessing import prepare_patch
    from onephase.inference.bundle import load_bundle
    from onephase.readers.case import read_case

    torch.set_num_threads(threads)
    opened = {name: load_bundle(folder, threads=threads, engine=name) for name in ENGINES}  # type: ignore[arg-type]
    settings = opened[ENGINES[0]].settings
    patch = prepare_patch(
        read_case(image, case_id="case", mask=mask), imaging=settings.imaging, regions=settings.regions
    )
    arrays = tuple(array[np.newaxis].copy() for array in (patch.image, patch.distance_mm, patch.descriptors))
    network = _eager_network(folder, settings)
    image_, distance, descriptors = map(torch.from_numpy, arrays)

    def eagerly() -> Any:
        with torch.inference_mode():
            return _potentials(network, network(image_[:, None], distance[:, None], descriptors))

    def answering(bundle: "Bundle") -> Callable[[], Any]:
        return lambda: bundle.run(*arrays).potentials

    ways: dict[str, Callable[[], Any]] = {"eager torch": eagerly}
    ways |= {name: answering(bundle) for name, bundle in opened.items()}
    expected = eagerly().unary
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            answered = way()
            times[name].append(1e3 * (time.perf_counter() - started))
            assert np.abs(answered.unary - expected).max() < 1e-4, name  # noqa: S101 - a speed of wrong answers is none
    slowest = times["eager torch"]
    print(f"\n| warm, network alone, {threads} thread(s) | ms: median | least | times as fast: median | least |")
    print("|---|---|---|---|---|")
    for name, spent in times.items():
        middle, least = statistics.median(spent), min(spent)
        ratios = f"{statistics.median(slowest) / middle:.2f} | {min(slowest) / least:.2f}"
        print(f"| {name} | {middle:.1f} | {least:.1f} | {ratios} |")


def _weights() -> None:
    print("\n| on the disk | MB |\n|---|---|")
    for name, extras in (("light core", ()), ("with `fast`", ("fast",)), ("with `train`", ("train",))):
        print(f"| {name} | {sum(map(_size_mb, _closure('onephase', extras, set()))):.0f} |")
    print("\n| import, in a process of its own | s: median of 3 |\n|---|---|")
    bare = statistics.median(_run((sys.executable, "-c", "pass"))[0] for _ in range(3))
    for name in IMPORTS:
        spent = statistics.median(_run((sys.executable, "-c", f"import {name}"))[0] for _ in range(3))
        print(f"| `{name}` | {spent - bare:.2f} |")


def _closure(name: str, extras: tuple[str, ...], seen: set[str]) -> set[str]:
    """Return the packages that an installation brings, as far as they are installed here."""
    from importlib.metadata import PackageNotFoundError, distribution  # not before a process that is timed

    from packaging.requirements import Requirement

    try:
        wanted = distribution(name).requires or []
    except PackageNotFoundError:
        return seen
    seen.add(name.lower().replace("_", "-"))
    for one in map(Requirement, wanted):
        fits = one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in ("", *extras))
        if fits and one.name.lower().replace("_", "-") not in seen:
            _closure(one.name, tuple(one.extras), seen)
    return seen


def _size_mb(name: str) -> float:
    from importlib.metadata import distribution

    found = distribution(name)
    sizes = (Path(str(found.locate_file(file))) for file in found.files or ())
    return sum(path.stat().st_size for path in sizes if path.is_file()) / 1e6


if __name__ == "__main__":
    main()
