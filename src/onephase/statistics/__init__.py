"""Arrays in; numbers with interval and n out."""
