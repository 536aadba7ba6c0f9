"""What each choice costs, and how cost grows: `make bench-growth`."""
