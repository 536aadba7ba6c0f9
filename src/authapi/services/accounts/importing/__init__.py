"""Users of other products: their files are read, and stored as accounts of ours."""
