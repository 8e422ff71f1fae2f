"""Who uses this process, by the system's own name for them. It proves nothing to anybody else."""

import os
import pwd


def os_user() -> str:
    """The name of the process's user, or its number where it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
