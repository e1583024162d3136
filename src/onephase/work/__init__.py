"""Work on many cases, answers in their order: in this process, in several, or on a cluster."""
