"""The rows, by subject. Each says which arms, which figure and which ratio."""
