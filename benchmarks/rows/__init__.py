"""A file a row, or two rows that share their arms: which arms, which figure, which ratio."""
