"""Confined children: a program run by sandlock behind pipes, with nothing but what its `ChildSpec` grants.

Never starts anything unconfined, and nothing in here sees the server's environment, descriptors or folder.

How to use it (shell and stdio MCP servers do)::

    launcher = await Launcher.open()                  # one per server; starts the launching process, once
    spec = ChildSpec(argv=("/usr/bin/server",), cwd="/srv/x", readable=(*SYSTEM_READABLE, "/srv/x"))
    async with await launcher.launch(spec) as child:  # OperatorError when it cannot be confined as asked
        await child.send(b"...")                      # standard input;  `await child.end_input()` closes it
        data = await child.receive(65536)             # standard output; b"" once it has closed it
        text = await child.receive_error(65536)       # standard error, unless `keep_log_bytes` keeps it: `child.log()`
        ended = await child.wait()                    # Exit(code, signal, killed)
    # leaving the block, or `await child.close()`, ends it and everything it started, whatever that did to hide

Who does what. The server never loads sandlock. It starts one *launching process* without environment, which forks a
*keeper* for each child (1-2 ms instead of a new interpreter). The keeper gives up what it can (see `keeper_unsafe`),
starts the child through sandlock and then only waits: for the child, or for the server to close the control channel.
Both end the same way: everything below the keeper is killed and reaped before the keeper itself goes. A child that
becomes a daemon is still below its keeper, because the keeper is a subreaper.

What is written for a child and enforced, by whom:

- files: sandlock's Landlock rules (kernel), a Landlock layer of ours around the keeper *and* the child (kernel), and
  sandlock's path mediation, which is what denies `chmod`, `chown`, `utimens` and `setxattr` outside the grants:
  Landlock knows nothing of them;
- write-protected names inside a writable folder: sandlock's mediation (`fs_mount_ro`), which also works for names that
  do not exist yet. Run as root, those that exist are mounted read-only on top of that (kernel). The system calls that
  sandlock 0.9 does not mediate (`creat`, `mknod`, `utime`, ...) are denied altogether;
- network: Landlock and seccomp; none unless endpoints are named. A named endpoint is dialled directly and *passes the
  egress broker by*: no name, redirect or secret of it is ever checked;
- memory and processes: sandlock's count over the whole tree. Over the memory limit it is killed; over the process
  limit `fork` fails with EAGAIN.

Measured on Linux 6.18 with sandlock 0.9, and why it is done this way:

- sandlock as root keeps every capability: the child could `mknod` a disk and `chmod` any file of root's. So the keeper
  drops them all, mounts everything but the writable folders read-only, and changes to the owner of the writable
  folders if that is not root;
- `fs_denied` denies reading as well, and lets `mkdir` and `symlink` make a denied name. `workdir` (copy on write) loses
  new files from `stat` and writes through hard links. `fs_mount` of a writable folder lets writes through symbolic
  links into protected ones. Only `chroot="/"` with `fs_mount_ro` held against every attack in `tests/containment`;
- with it, the *names* in the folders above a grant can be listed (sandlock lists them on the child's behalf); nothing
  in them can be opened, changed or examined.
"""

from .child import ConfinedChild, Exit
from .launcher import Launcher
from .probes import Probe, Unavailable, probe
from .spec import SYSTEM_READABLE, ChildSpec, Endpoint

__all__ = [
    "SYSTEM_READABLE",
    "ChildSpec",
    "ConfinedChild",
    "Endpoint",
    "Exit",
    "Launcher",
    "Probe",
    "Unavailable",
    "probe",
]
