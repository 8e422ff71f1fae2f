"""What the detectors find and miss over a labelled set that is no part of this repository. It decides nothing."""
