"""From stored patches to a bundle: one explicit loop, the likelihood, the export."""
