"""Confinement of a child process by the kernel: Landlock, seccomp, rlimits, privileges. It starts and ends nothing."""
