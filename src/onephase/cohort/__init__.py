"""Many cases: the cohort table and its checks, splits, preparation."""
