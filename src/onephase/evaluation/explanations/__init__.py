"""Explanation that is tested: what the network says it looked at, what it really needs, and where the truth lies."""
