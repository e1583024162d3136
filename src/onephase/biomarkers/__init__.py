"""The biology, nothing of images: the panel, pathology text as events, the joint posterior, subtypes."""
