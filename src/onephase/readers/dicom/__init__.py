"""Studies, series, slices, segmentations and structure sets: DICOM files to phases and outlines."""
