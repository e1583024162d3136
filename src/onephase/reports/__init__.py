"""Results to pages, figures, DICOM objects and FHIR; takes result types only."""
