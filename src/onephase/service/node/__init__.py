"""A DICOM node: studies come in, are predicted, and result objects go out; a power cut loses none of it."""
