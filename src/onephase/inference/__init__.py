"""From a patch to a posterior without torch: bundle, prediction, predict."""
