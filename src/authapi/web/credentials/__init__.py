"""How a request says who it is, and how tokens are handed out."""
