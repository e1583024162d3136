"""Results to pages and figures; takes result types only."""
