"""What is shown of a study: tables, figures, findings, methods and checklist, on one page and as files."""
