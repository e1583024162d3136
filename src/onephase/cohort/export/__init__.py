"""A copy of a cohort that can be shared: pseudonyms, headers written anew, and a search for what is left."""
