"""The desk: the lesions that are open. They live in memory, a few at a time, and leave with whoever closes them."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import RLock

from onephase.biomarkers.evidence import read_given
from onephase.biomarkers.panel import Events
from onephase.imaging.case import Box, Case, SeedPoint
from onephase.imaging.plausible_outlines import doubt_about
from onephase.inference.bundle import Bundle
from onephase.inference.maps import Maps
from onephase.inference.predict import Sight, answer, look
from onephase.inference.prediction import Prediction
from onephase.service.web.cases import Entry, Material, NotThereError
from onephase.service.web.pictures import Crop, crop_about
from onephase.settings import SubtypePolicy

MOST_OPEN = 6
IDLE_S = 3600.0
KEY_BYTES = 12


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """What came out for an outlined lesion.

    Attributes:
        sight: What the network saw.
        prediction: The answer that stands.
        crop: The voxels of the volume about the lesion.
        near: Distance and attention on them.
    """

    sight: Sight
    prediction: Prediction
    crop: Crop
    near: Maps


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Lesion:
    """One open lesion in its present state.

    Attributes:
        key: A random name by which its reader, and nobody else, knows it.
        case: Volume and region; the region means nothing while ``answered`` is None.
        entry: The line of the work list that it came from; None for an upload.
        texts: What the reader says that pathology has found, by column; empty where nothing.
        policy: The rule that parts the subtypes.
        answered: What came out; None while nobody has said where the tumour lies.
    """

    key: str
    case: Case
    entry: Entry | None
    texts: Mapping[str, str] = field(default_factory=dict)
    policy: SubtypePolicy
    answered: Answered | None = None


class Desk:
    """The open lesions of one server.

    Args:
        bundle: What predicts.
        most_open: How many lesions are held; opening another closes the one that was longest untouched.
        idle_s: After so many seconds untouched a lesion is closed, in seconds.
    """

    def __init__(self, bundle: Bundle, *, most_open: int = MOST_OPEN, idle_s: float = IDLE_S) -> None:
        self.bundle = bundle
        self._most_open, self._idle_s = most_open, idle_s
        self._open: OrderedDict[str, tuple[Lesion, float]] = OrderedDict()
        self._lock = RLock()  # one prediction at a time: the network takes the cores that there are

    def __len__(self) -> int:
        """Return how many lesions are open."""
        return len(self._open)

    def lay(self, material: Material, *, entry: Entry | None) -> Lesion:
        """Open a case; it is predicted at once where its tumour is outlined.

        Raises:
            ImageError: If the tumour cannot be outlined.
        """
        with self._lock:
            key, policy = secrets.token_urlsafe(KEY_BYTES), self.bundle.settings.subtype_policy
            lesion = Lesion(key=key, case=material.case, entry=entry, policy=policy)
            return self._keep(self._looked_at(lesion) if material.outlined else lesion)

    def get(self, key: str) -> Lesion:
        """Return an open lesion.

        Raises:
            NotThereError: If it was closed, or never was.
        """
        with self._lock:
            self._clear()
            if key not in self._open:
                message = "this case is not open any more: open it again"
                raise NotThereError(message)
            return self._keep(self._open[key][0])

    def outline(self, key: str, roi: Box | SeedPoint) -> Lesion:
        """Outline the tumour anew, in a box or about a point, and predict again; what was given stays given.

        Raises:
            NotThereError: If the lesion is not open.
            ImageError: If box or point lie outside the volume, or nothing can be outlined there.
        """
        with self._lock:
            lesion = self.get(key)
            return self._keep(self._looked_at(replace(lesion, case=replace(lesion.case, roi=roi))))

    def give(self, key: str, texts: Mapping[str, str], *, policy: SubtypePolicy | None) -> Lesion:
        """Say what pathology has found, in place of what was said before.

        Args:
            key: The lesion.
            texts: What was found, by column of the cohort table; empty is not known.
            policy: The rule that parts the subtypes; the bundle's own when None.

        Raises:
            NotThereError: If the lesion is not open.
            EvidenceError: If a text is not understood, or they contradict each other; what stood before stays.
        """
        with self._lock:
            lesion = self.get(key)
            told = replace(lesion, texts=dict(texts), policy=policy or self.bundle.settings.subtype_policy)
            if lesion.answered is None:
                _events(told.texts)  # refused now, not when the outline comes
                return self._keep(told)
            prediction = self._answer(told, lesion.answered.sight)
            return self._keep(replace(told, answered=replace(lesion.answered, prediction=prediction)))

    def close(self, key: str) -> None:
        """Forget a lesion; one that is not open is forgotten already."""
        with self._lock:
            self._open.pop(key, None)

    def _looked_at(self, lesion: Lesion) -> Lesion:
        sight = look(self.bundle, lesion.case, doubt=doubt_about(lesion.case.roi))
        prediction = self._answer(lesion, sight)
        crop = crop_about(prediction.maps, lesion.case.volume.grid)
        return replace(lesion, answered=Answered(sight, prediction, crop, prediction.maps.on(crop.grid)))

    def _answer(self, lesion: Lesion, sight: Sight) -> Prediction:
        return answer(self.bundle, sight, given=_events(lesion.texts), policy=lesion.policy)

    def _keep(self, lesion: Lesion) -> Lesion:
        self._open[lesion.key] = lesion, time.monotonic()
        self._open.move_to_end(lesion.key)
        while len(self._open) > self._most_open:
            self._open.popitem(last=False)
        return lesion

    def _clear(self) -> None:
        now = time.monotonic()
        for key in [key for key, (_, touched) in self._open.items() if now - touched > self._idle_s]:
            del self._open[key]


def _events(texts: Mapping[str, str]) -> Events | None:
    given = [f"{name}={text}" for name, text in texts.items() if text.strip()]
    return read_given(given) if given else None
