# Another program with memory of its own: makes a userfaultfd for it, and touches, forks or ends on request.
# Talks over the Unix socket on descriptor 3: one request line, one answer line.
import ctypes
import mmap
import os
import platform
import socket

SYS_USERFAULTFD = {"x86_64": 323, "aarch64": 282}[platform.machine()]
PAGES = 4

talk = socket.socket(fileno=3)
uffd = ctypes.CDLL(None, use_errno=True).syscall(SYS_USERFAULTFD, os.O_CLOEXEC | os.O_NONBLOCK)
if uffd < 0:
    raise OSError(ctypes.get_errno(), "userfaultfd")
memory = mmap.mmap(-1, PAGES * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
socket.send_fds(talk, [f"{os.getpid()} {address} {PAGES * mmap.PAGESIZE} {uffd}\n".encode()], [uffd])

lines = talk.makefile("rw")
for line in lines:
    request, *operands = line.split()
    answer = "ok"
    if request == "write":
        memory[int(operands[0])] = int(operands[1])
    elif request == "read":
        answer = str(memory[int(operands[0])])
    elif request == "fork":
        # The child only has to exist, because its address space is what the event is about: it ends with its parent. It must not
        # read the socket, where it would take its parent's requests.
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(theirs)
            os.read(ours, 1)
            os._exit(0)
        answer = str(child)
    lines.write(answer + "\n")
    lines.flush()
