"""What the network must beat, in the same form: posteriors on the same splits."""
