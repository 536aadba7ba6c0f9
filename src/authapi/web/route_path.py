"""The path of a request below the root path, as the router reads it: what looks at the path before
the router must not read it in another way. Starlette keeps its function to itself.
"""

from starlette._utils import get_route_path as route_path

__all__ = ["route_path"]
