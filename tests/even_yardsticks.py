"""Yardsticks of surroundings in which everything is equally bright, where a test is about something else."""

import numpy as np

from onephase.imaging.yardsticks import LEVELS, MIXTURE, Yardsticks

EVEN = Yardsticks(-3.0, np.ones(len(LEVELS)), np.zeros(len(MIXTURE)))
