"""A filter of system calls that a child sets for itself: no further processes or programs, no sockets, no tracing, no
signals, limits or turns for other processes, nothing that outlives it in the kernel, and no change of who may read a
file, all of which `slides.wsi.sandbox.landlock` leaves free.

A small program in the kernel's own filter language (linux/filter.h), so that no library is needed. Threads stay
allowed, since decoders use them. Once set it cannot be taken off.
"""

from __future__ import annotations

import ctypes
import dataclasses
import errno
import os
import platform
import struct

ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
SET_MODE_FILTER, ALL_THREADS = 1, 1
CLONE_THREAD = 0x10000
NUMBER_AT, MACHINE_AT, FIRST_ARGUMENT_AT = 0, 4, 16  # struct seccomp_data
LOAD, SAME, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
FOREIGN_NUMBERS = 0x40000000  # of x86-64's second table of calls


@dataclasses.dataclass(frozen=True)
class Machine:
    """Numbers of system calls. number: the machine's own. set_filter: seccomp. signal: tgkill, which abort() takes.

    of_process: their first argument says of which process, 0 for the own one: prlimit64, sched_setscheduler,
    sched_setparam, sched_setaffinity, sched_setattr. refused: whatever they are told.
    """

    number: int
    set_filter: int
    clone: int
    signal: int
    of_process: tuple[int, ...]
    refused: tuple[int, ...]


# Machines share the numbers of newer calls: io_uring_setup, which opens and connects past this filter;
# pidfd_send_signal, pidfd_open, pidfd_getfd; open_tree, move_mount, fsopen, fsmount, mount_setattr; fchmodat2.
CLONE3 = 435
NEWER = (425, 424, 434, 438, 428, 429, 430, 432, 442, 452)
# By row: fork, vfork, execve, execveat, socket, ptrace, process_vm_readv and _writev · chmod and chown with their kin ·
# setxattr and removexattr with theirs · kill, tkill, rt_sigqueueinfo, rt_tgsigqueueinfo, setpriority, ioprio_set,
# migrate_pages, move_pages · shmget, shmat, msgget, semget, mq_open, add_key, request_key, keyctl, which leave things
# behind in the kernel · unshare, setns, mount, umount2, pivot_root, chroot, bpf, perf_event_open, userfaultfd,
# name_to_handle_at, open_by_handle_at, which an administrator's account may use to see more.
MACHINES = {
    "x86_64": Machine(
        0xC000003E, 317, 56, 234, (302, 144, 142, 203, 314),
        (57, 58, 59, 322, 41, 101, 310, 311,
         90, 91, 268, 92, 93, 94, 260,
         188, 189, 190, 197, 198, 199,
         62, 200, 129, 297, 141, 251, 256, 279,
         29, 30, 68, 64, 240, 248, 249, 250,
         272, 308, 165, 166, 155, 161, 321, 298, 323, 303, 304, *NEWER),
    ),
    "aarch64": Machine(
        0xC00000B7, 277, 220, 131, (261, 119, 118, 122, 274),
        (221, 281, 198, 117, 270, 271,
         52, 53, 54, 55,
         5, 6, 7, 14, 15, 16,
         129, 130, 138, 240, 140, 30, 238, 239,
         194, 196, 186, 190, 180, 217, 218, 219,
         97, 268, 40, 39, 41, 51, 280, 241, 282, 264, 265, *NEWER),
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
    machine = MACHINES[platform.machine()]
    instructions = _write_filter(machine, os.getpid())
    program = Program(len(instructions) // 8, instructions)
    return ctypes.CDLL(None).syscall(machine.set_filter, SET_MODE_FILTER, ALL_THREADS, ctypes.byref(program)) == 0


def _write_filter(machine: Machine, own_pid: int) -> bytes:
    """Instructions one after the other; each jump names how many to leave out."""
    refuse, unknown = REFUSE | errno.EPERM, REFUSE | errno.ENOSYS  # glibc asks for clone where there is no clone3
    lines = [
        (LOAD, 0, 0, MACHINE_AT),
        (SAME, 1, 0, machine.number),
        (RETURN, 0, 0, refuse),
        (LOAD, 0, 0, NUMBER_AT),
        (AT_LEAST, 0, 1, FOREIGN_NUMBERS),
        (RETURN, 0, 0, refuse),
        (SAME, 0, 1, CLONE3),
        (RETURN, 0, 0, unknown),
    ]
    for number in machine.refused:
        lines += [(SAME, 0, 1, number), (RETURN, 0, 0, refuse)]
    for number in (machine.signal, *machine.of_process):
        lines += [
            (SAME, 0, 5, number),
            (LOAD, 0, 0, FIRST_ARGUMENT_AT),
            (SAME, 2, 0, own_pid),
            (SAME, 1, 0, 0),
            (RETURN, 0, 0, refuse),
            (RETURN, 0, 0, ALLOW),
        ]
    lines += [
        (SAME, 0, 3, machine.clone),
        (LOAD, 0, 0, FIRST_ARGUMENT_AT),
        (ANY_BIT, 1, 0, CLONE_THREAD),
        (RETURN, 0, 0, refuse),
        (RETURN, 0, 0, ALLOW),
    ]
    return b"".join(struct.pack("<HBBI", *line) for line in lines)
