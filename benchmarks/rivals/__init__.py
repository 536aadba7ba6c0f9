"""The servers that authapi is measured beside, each as its own documentation tells to write it."""
