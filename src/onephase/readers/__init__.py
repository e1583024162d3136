"""Files to volumes and regions of interest."""
