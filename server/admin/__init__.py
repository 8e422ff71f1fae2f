"""The admin plane on this machine: a socket for the owner of the data directory, and the directory's lock."""

from .client import AdminClient, NotRunning
from .lock import DataDirLock
from .server import AdminServer, Answer

__all__ = ["AdminClient", "AdminServer", "Answer", "DataDirLock", "NotRunning"]
