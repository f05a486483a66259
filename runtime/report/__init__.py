"""What a `fuse` scope, or a launch, did and costs: see report.py for the object that a user holds."""
