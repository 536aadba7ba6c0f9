"""What is wrong or weak in a running set-up, for `authapi doctor`."""
