"""Who is who across public sets: one identity for a patient whom several sets name differently.

MAMA-MIA holds 291 Duke, 171 I-SPY 1 and 980 I-SPY 2 patients who also stand in Duke and BreastDCEDL, each under
another name. Whoever joins tables by the names alone trains on some of the patients that are tested.
"""

import re
from typing import Final

# What each set calls its patients, before a number; blanks, hyphens and underscores are alike. ACRIN 6698 is a
# sub-study of I-SPY 2 with the same numbers; ACRIN 6657 is I-SPY 1.
_ALIASES: Final = {
    "duke": r"(?:breast mri|breastmri|duke)",
    "ispy1": r"(?:i ?spy ?1|acrin 6657)",
    "ispy2": r"(?:i ?spy ?2|acrin 6698)",
    "nact": r"(?:ucsf br|nact)",
}
_KNOWN: Final = {name: re.compile(rf"{words} ?0*(\d+)") for name, words in _ALIASES.items()}
_PARTS: Final = re.compile(r"[-_\s]+|(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])")
_LEADING_ZEROS: Final = re.compile(r"(?<!\d)0+(?=\d)")


def canonical_identity(patient_id: str) -> str:
    """Return the identity of a patient, the same for every name by which public sets call her.

    Prefix and number are compared: small and large letters are alike, what stands between does not count
    (hyphen, underscore, blank), nor do leading zeros. Names of no known set are normalised likewise, so that
    ``site_007`` and ``SITE-7`` are one patient.

    Args:
        patient_id: The name in a table, such as ``Breast_MRI_001`` (Duke) or ``DUKE_001`` (MAMA-MIA).

    Examples:
        >>> canonical_identity("Breast_MRI_001"), canonical_identity("DUKE_001")
        ('duke 1', 'duke 1')
        >>> canonical_identity("ACRIN-6698-102212") == canonical_identity("ISPY2_102212")
        True
    """
    plain = " ".join(_PARTS.sub(" ", patient_id.lower()).split())
    for name, pattern in _KNOWN.items():
        if found := pattern.fullmatch(plain):
            return f"{name} {found[1]}"
    return _LEADING_ZEROS.sub("", plain)
