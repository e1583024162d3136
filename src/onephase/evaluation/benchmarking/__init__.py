"""The study as a program: which runs there are, running them, and joining what they left."""
