"""The network: encoder, spatial attention, region weighting, panel head. The lowest room that knows torch."""
