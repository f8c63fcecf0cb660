"""A filter of system calls that a child sets for itself: no further processes or programs, no sockets, no tracing, no
signals to others, and no change of who may read a file, which `slides.wsi.sandbox.landlock` leaves free.

A small program in the kernel's own filter language (linux/filter.h), so that no library is needed. Threads stay
allowed, since decoders use them. Once set it cannot be taken off.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
SET_MODE_FILTER, ALL_THREADS = 1, 1
CLONE_THREAD = 0x10000
NUMBER_AT, MACHINE_AT, FIRST_ARGUMENT_AT = 0, 4, 16  # struct seccomp_data
LOAD, SAME, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
FOREIGN_NUMBERS = 0x40000000  # of x86-64's second table of calls

# Machine → its number for the kernel, the calls by number: seccomp, clone, clone3, and those refused outright
# (fork, vfork, execve, execveat, socket, ptrace, process_vm_readv, process_vm_writev, io_uring_setup, which opens and
# connects past this filter; chmod and chown with their kin, setxattr and removexattr with theirs; kill, tkill,
# rt_sigqueueinfo, rt_tgsigqueueinfo, pidfd_send_signal, pidfd_open, pidfd_getfd). abort() takes tgkill, which stays.
MACHINES = {
    "x86_64": (
        0xC000003E, 317, 56, 435,
        (57, 58, 59, 322, 41, 101, 310, 311, 425, 90, 91, 268, 452, 92, 93, 94, 260, 188, 189, 190, 197, 198, 199,
         62, 200, 129, 297, 424, 434, 438),
    ),
    "aarch64": (
        0xC00000B7, 277, 220, 435,
        (221, 281, 198, 117, 270, 271, 425, 52, 53, 452, 54, 55, 5, 6, 7, 14, 15, 16,
         129, 130, 138, 240, 424, 434, 438),
    ),
}  # fmt: skip


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def forbid_processes_and_sockets() -> bool:
    """Set the filter for all threads of this process; False where the kernel or the machine has none.

    Needs PR_SET_NO_NEW_PRIVS.
    """
    if platform.machine() not in MACHINES:
        return False
    machine, call, clone, clone3, refused = MACHINES[platform.machine()]
    instructions = _program(machine, clone, clone3, refused)
    program = Program(len(instructions) // 8, instructions)
    return ctypes.CDLL(None).syscall(call, SET_MODE_FILTER, ALL_THREADS, ctypes.byref(program)) == 0


def _program(machine: int, clone: int, clone3: int, refused: tuple[int, ...]) -> bytes:
    """Instructions one after the other; each jump names how many to leave out."""
    refuse, unknown = REFUSE | errno.EPERM, REFUSE | errno.ENOSYS  # glibc asks for clone where there is no clone3
    lines = [
        (LOAD, 0, 0, MACHINE_AT),
        (SAME, 1, 0, machine),
        (RETURN, 0, 0, refuse),
        (LOAD, 0, 0, NUMBER_AT),
        (AT_LEAST, 0, 1, FOREIGN_NUMBERS),
        (RETURN, 0, 0, refuse),
        (SAME, 0, 1, clone3),
        (RETURN, 0, 0, unknown),
    ]
    for number in refused:
        lines += [(SAME, 0, 1, number), (RETURN, 0, 0, refuse)]
    lines += [
        (SAME, 0, 3, clone),
        (LOAD, 0, 0, FIRST_ARGUMENT_AT),
        (ANY_BIT, 1, 0, CLONE_THREAD),
        (RETURN, 0, 0, refuse),
        (RETURN, 0, 0, ALLOW),
    ]
    return b"".join(struct.pack("<HBBI", *line) for line in lines)
