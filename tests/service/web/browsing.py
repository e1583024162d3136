"""What the tests in a browser do with the page, and what they see of it."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tests.service.web.conftest import SHAPE, SPACING

ORANGE, GREEN, WHITE, YELLOW = (230, 159, 0), (0, 158, 115), (255, 255, 255), (240, 228, 66)
SIZE = dict(zip(("slice", "row", "column"), SHAPE, strict=True))
SPACING_MM = dict(zip(SIZE, SPACING, strict=True))
ACROSS_AND_DOWN = {"axial": ("column", "row"), "coronal": ("column", "slice"), "sagittal": ("row", "slice")}
"""What runs to the right and what runs along the height of each plane of an axial volume, hung with the patient's right
and front on the left, as radiologists do; slices are counted upward."""
TILES = {"axial": 0, "coronal": 1, "sagittal": 2, "solid": 4}
"""NiiVue's numbers of the planes and of 3-D."""
WATCH = """async () => {
    const { Lines } = await import("./page/script/lines.js");
    const { paint } = Lines.prototype;
    Lines.prototype.paint = function () {
        globalThis.watched = this.view;
        paint.call(this);
    };
}"""


def watch(page: Any) -> None:
    """Let the page's viewer be asked where its planes and its crosshair are, from the next drawing on."""
    page.evaluate(WATCH)


def frame(page: Any, name: str) -> tuple[float, float, float, float]:
    """Return where the volume in a plane, or the 3-D view, lies on the stage: left, top, width, height in pixels."""
    left, top, width, height = page.evaluate(
        "(number) => [...watched.nv.screenSlices.find((tile) => tile.axCorSag === number).leftTopWidthHeight]",
        TILES[name],
    )
    left, width = min(left, left + width), abs(width)  # a mirrored plane has a negative width
    if name == "solid":
        return left, top, width, height
    across_mm, down_mm = (SIZE[axis] * SPACING_MM[axis] for axis in ACROSS_AND_DOWN[name])
    scale = min(width / across_mm, height / down_mm)
    inner = scale * across_mm, scale * down_mm
    return left + (width - inner[0]) / 2, top + (height - inner[1]) / 2, *inner


def tile(page: Any, seen: np.ndarray, name: str) -> np.ndarray:
    """Return the part of the stage that a plane or the 3-D view takes."""
    left, top, width, height = map(round, frame(page, name))
    return seen[top : top + height, left : left + width]


def open_case(page: Any, number: int) -> None:
    """Open a case of the list, and wait until all of it has come."""
    with page.expect_response("**/similar"):
        page.click(f"#cases li:nth-child({number}) button")


def pixels(page: Any, selector: str, tmp_path: Path) -> np.ndarray:
    page.locator(selector).screenshot(path=tmp_path / "seen.png")
    return np.asarray(Image.open(tmp_path / "seen.png").convert("RGB")).astype(int)


def settled(page: Any, tmp_path: Path) -> np.ndarray:
    """Return the stage after what was asked for has been drawn."""
    page.wait_for_timeout(200)
    page.evaluate(
        """() => new Promise((done) => {
            document.querySelector("#volume").getContext("webgl2").finish();
            requestAnimationFrame(() => requestAnimationFrame(done));
        })"""
    )
    return pixels(page, "#stage", tmp_path)


def lines(page: Any) -> np.ndarray:
    """Return what is drawn over the planes and nothing beneath it, red, green, blue and opacity."""
    picture = page.evaluate("() => document.querySelector('#lines').toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.split(",")[1])))).astype(int)


def near(seen: np.ndarray, colour: tuple[int, int, int], *, within: int = 40) -> np.ndarray:
    return np.abs(seen - np.array(colour)).max(axis=-1) < within


def drop(page: Any, *paths: Path) -> None:
    """Drop files onto the page as a mouse would."""
    transfer = page.evaluate_handle(
        """(files) => {
            const transfer = new DataTransfer();
            for (const [content, name] of files) {
                const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
                transfer.items.add(new File([bytes], name));
            }
            return transfer;
        }""",
        [[base64.b64encode(path.read_bytes()).decode(), path.name] for path in paths],
    )
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})


def address_of_lesion(page: Any) -> str:
    """Return the address of the lesion whose pictures were asked for last."""
    names = page.evaluate("() => performance.getEntriesByType('resource').map((one) => one.name)")
    return str(next(name for name in reversed(names) if name.endswith("/image.nii"))).split("/api/")[1][
        : -len("/image.nii")
    ]
