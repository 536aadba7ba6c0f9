"""One file a group of routes. A route reads, calls one service and hands back."""
