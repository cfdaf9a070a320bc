"""The motion library: free motion of any skeleton, brought to SMPL's 24 joints, checked and divided."""

from .building import load_library
from .library import Library, LibraryError, read_library

__all__ = ["Library", "LibraryError", "load_library", "read_library"]
