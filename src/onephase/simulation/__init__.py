"""The digital cohort with a known ceiling. Never clinical evidence."""
