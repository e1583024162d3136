"""How good it is, honestly: scores with interval and n, beside prior, baseline and ceiling."""
