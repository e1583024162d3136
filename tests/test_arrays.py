"""The names of array types: read by the tests as by the type checker, and by a program at work not at all."""

import subprocess
import sys

import jaxtyping

from onephase import arrays


def test_the_tests_read_jaxtypings_own_names():
    assert all(getattr(arrays, name) is getattr(jaxtyping, name) for name in arrays.__all__)


def test_a_program_at_work_reads_none():
    program = (
        "import sys, numpy as np; from onephase import arrays\n"
        "said = {getattr(arrays, name)[np.ndarray, 'case 8'] for name in arrays.__all__}\n"
        "assert said == {np.ndarray} and 'jaxtyping' not in sys.modules\n"
        "print(arrays.Float32[np.ndarray, ' case'] | None)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "numpy.ndarray | None"
