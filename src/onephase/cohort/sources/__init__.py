"""Public sets and hospital exports to a cohort table, one file for each; ``known`` lists them."""
