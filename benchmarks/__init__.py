"""What `make bench` runs: speed and memory, measured in whole runs on this machine, kept as JSON."""
