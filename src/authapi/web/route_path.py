"""The path below the root path, as the router reads it. Starlette keeps its function to itself."""

from starlette._utils import get_route_path as route_path

__all__ = ["route_path"]
