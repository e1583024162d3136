"""What the answer owes to how the case was outlined and scanned: one change at a time, everything else as it was."""
