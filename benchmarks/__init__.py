"""What authapi costs beside others, measured on this machine: `make bench`."""
