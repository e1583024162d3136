"""What can be wrong with what we are given: one exception type for each kind, one sentence for each case.

A shell (``cli``, ``service``) prints the sentence and leaves with ``exit_code``. A traceback is for
faults of ours, never for a fault in the input. No message carries a patient identifier.
"""


class OnephaseError(Exception):
    """Something that the user can mend; the message is one sentence that says how."""

    exit_code = 1


class SettingsError(OnephaseError):
    """The settings file holds a key or a value that is not understood."""


class StorageError(OnephaseError):
    """A file could not be written or read; nothing half-written was left behind."""


class EvidenceError(OnephaseError):
    """What pathology wrote cannot be understood, or contradicts itself."""


class ImageError(OnephaseError):
    """An image, mask or box cannot be used: missing, broken, or of another grid."""


class PhaseUndecidedError(ImageError):
    """A series holds several phases and nothing tells which is the first post-contrast one."""


class NotOurInputError(ImageError):
    """The file is plainly not a post-contrast breast MRI volume or not a tumour outline."""


class DamagedError(ImageError):
    """The bytes of a file are damaged or cut short."""


class MissingExtraError(OnephaseError):
    """What was asked for needs an optional part of the program that is not installed."""


class CohortError(OnephaseError):
    """A cohort table cannot be used as it is; ``onephase check`` lists every problem."""


class ExportError(OnephaseError):
    """A copy cannot be shared: something of the source would be left in it, or its key or folder will not do."""


class WorkerError(OnephaseError):
    """Who should work on many cases was killed, cannot be reached, or does not see the files."""


class BundleError(OnephaseError):
    """A bundle was changed, is incomplete, or does not fit what it is asked to do."""


class TrainingError(OnephaseError):
    """Training cannot start or go on: too few cases, one class only, other settings than before."""
