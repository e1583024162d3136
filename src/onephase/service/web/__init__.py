"""The reader page: one lesion at a time, its picture beside its posterior, both answering to the reader."""
