"""One case to arrays: grid, regions, outline, crop and resample, patches."""
