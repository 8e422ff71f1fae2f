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

- files: sandlock's Landlock rules, and a Landlock layer of ours around the keeper *and* the child. No socket or device
  can be made (kernel);
- what Landlock knows nothing of (`chmod`, `chown`, times, extended attributes): everything but the writable folders is
  mounted read-only in a mount namespace of the child's own (kernel). Where none can be had, as in most containers,
  those calls are denied altogether, in the writable folders too;
- write-protected names inside a writable folder: those that exist are mounted read-only (kernel), or without mounts
  denied altogether, reading included. Those that do not exist at its top are denied by sandlock, and because that can
  be got past (see below), a tripwire sets them aside the moment they come to be and ends the child: whatever it does,
  no such name is there when it has ended;
- network: Landlock and seccomp; none unless endpoints are named. A named endpoint is dialled directly and *passes the
  egress broker by*: no name, redirect or secret of it is ever checked;
- memory and processes: sandlock's count over the whole tree. A process that goes over the memory limit is killed; over
  the process limit `fork` fails with EAGAIN.

What is not protected: a protected name that is made more than one folder down, and one that exists more than three
folders down. In `isolation`, `mounts` says that mounts are read-only.

Measured on Linux 6.18 with sandlock 0.9, and why it is done this way:

- sandlock as root keeps every capability: the child could `mknod` a disk, and `chmod` any file of root's. So the keeper
  drops them all, and changes to the owner of the writable folders if that is not root. A workspace of root's is served
  by user 0 without capabilities, which still owns root's files: that is what the read-only mounts are for;
- `fs_denied` alone denies reading as well, lets `mkdir` and `symlink` make a denied name, lets `open` make one through
  a symbolic link that leads nowhere yet, and `rename` and `link` when a second thread swaps the name in memory;
- `chroot="/"` with `fs_mount_ro` is no place to work in: `mv` and `cp` into a folder fail, programs vanish, and names
  in the folders above a grant can be listed. `workdir` (copy on write) loses new files from `stat` and writes through
  hard links. `fs_mount` of a writable folder lets writes through into protected ones;
- limits and priorities of any process of the same user, the server too, can be set from inside Landlock and sandlock:
  hence a seccomp filter of our own.
"""

from .child import ConfinedChild, Exit
from .launcher import Launcher
from .probes import Probe, Unavailable, probe
from .spec import LAYERS, SYSTEM_READABLE, ChildSpec, Endpoint

__all__ = [
    "LAYERS",
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
