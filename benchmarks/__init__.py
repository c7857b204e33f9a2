"""Programs that measure: speed against PyTorch (`python -m benchmarks ops`, `… train`), accuracy over seeds."""
