"""Counts what a family of processes holds, from /proc alone: the check of a case's truth."""

import collections
import os
import re

KINDS = [
    (r"^socket:", "socket_fds"), (r"^pipe:", "pipe_fds"), (r"eventfd", "event_fds"),
    (r"eventpoll", "epoll_fds"), (r"inotify", "inotify_fds"), (r"timerfd", "timer_fds"),
    (r"signalfd", "signal_fds"), (r"pidfd", "pid_fds"), (r"^/memfd:", "memfd_fds"),
    (r" \(deleted\)$", "deleted_file_fds"), (r"^/", "file_fds"), (r"", "other_fds"),
]


def parents():
    """The state and parent of each process."""
    found = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as stat:
                state, parent = stat.read().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        found[int(entry)] = (state, int(parent))
    return found


def family(root):
    """The processes that descend from `root`, with it, and the number of zombies among them."""
    all_processes, living, zombies = parents(), [], 0
    for pid, (state, _) in all_processes.items():
        ancestor = pid
        while ancestor in all_processes and ancestor != root:
            ancestor = all_processes[ancestor][1]
        if ancestor == root and state == "Z":
            zombies += 1
        elif ancestor == root:
            living.append(pid)
    return living, zombies


def counts(root):
    """Resources of the family, by the names that leakbench uses."""
    found = collections.Counter()
    living, found["zombies"] = family(root)
    found["children"] = len(living) - 1
    for pid in living:
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                target = os.readlink(f"/proc/{pid}/fd/{fd}")
                found[next(kind for pattern, kind in KINDS if re.search(pattern, target))] += 1
            with open(f"/proc/{pid}/status") as status:
                for line in status:
                    words = line.split()
                    if words[0] == "Threads:":
                        found["threads"] += int(words[1])
                    elif words[0] == "RssAnon:":
                        found["anonymous_bytes"] += 1024 * int(words[1])
            with open(f"/proc/{pid}/maps") as maps:
                found["mappings"] += sum(1 for _ in maps)
        except OSError:
            continue
    found["fds"] = sum(number for name, number in found.items() if name.endswith("_fds"))
    return found
