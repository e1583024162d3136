"""What is measured of an answer: figures of one contestant, and of one against another."""
