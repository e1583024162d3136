"""Quality before training: every lesion looked at once, and what is doubtful about it said in one sentence."""
