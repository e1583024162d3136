"""Where a command may write, looked at before any work: a place that would be refused at the end is refused now."""

from pathlib import Path

from onephase.errors import StorageError
from onephase.storage import is_there, write_faults

OF_THE_DISK = "lost+found"
"""What a disk that is new and mounted holds."""


def refuse_bundle(*places: Path | None) -> None:
    """Refuse to write into a bundle or a folder of one: with one file more it would be a bundle no longer.

    Args:
        places: Files and folders that would be written; None is passed over.

    Raises:
        StorageError: Naming the bundle.
    """
    for place in places:
        if place is None:
            continue
        whole = place.resolve()
        bundle = next((folder for folder in (whole, *whole.parents) if _is_bundle(folder)), None)
        if bundle is not None:
            where = f"{place} is a bundle" if whole == bundle else f"{place} lies in the bundle {bundle}"
            message = f"{where}, which cannot be opened any more once another file is in it: write elsewhere"
            raise StorageError(message)


def _is_bundle(folder: Path) -> bool:
    """Tell a bundle by two of its files: FHIR has a kind of file that is called a bundle too."""
    return is_there(folder / "bundle.json") and is_there(folder / "settings.json")


def refuse_foreign(folder: Path, *, mark: str, kind: str) -> None:
    """Refuse a folder with files of something else, among which ours would lie.

    A folder that was broken off holds ``mark`` already, or hidden files alone: it is gone on with.

    Args:
        folder: Where the command would write; need not exist.
        mark: The file with which our folders begin.
        kind: What the folder would become, for the message.

    Raises:
        StorageError: Naming the folder and one thing in it.
    """
    if is_there(folder / mark) or not is_there(folder) or not folder.is_dir():
        return
    with write_faults(folder):
        names = (entry.name for entry in folder.iterdir())
        foreign = min((name for name in names if not name.startswith(".") and name != OF_THE_DISK), default="")
    if foreign:
        message = f"{folder} holds {foreign} and is no {kind}: name a new folder, or an empty one"
        raise StorageError(message)


def refuse_no_folder(folder: Path) -> None:
    """Refuse a folder that cannot be made, for it or one above it is a file.

    Raises:
        StorageError: Naming the file.
    """
    nearest = next(place for place in (folder, *folder.parents, Path()) if is_there(place))
    if not nearest.is_dir():
        message = f"a file stands where a folder is needed, {nearest}: name another folder"
        raise StorageError(message)


def refuse_no_file(file: Path) -> None:
    """Refuse a file that cannot be written, for it is a folder, or one above it is a file.

    Raises:
        StorageError: Naming it.
    """
    if is_there(file) and file.is_dir():
        message = f"{file} is a folder, where a file is to be written: name a file, in it or elsewhere"
        raise StorageError(message)
    refuse_no_folder(file.parent)
