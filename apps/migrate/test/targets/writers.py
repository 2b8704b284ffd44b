"""Stamps a bytearray from several threads, as stamps.h says, except that a page is copied at once: the page of the step that is
under way may be any mix of old and new. The protocol is that of target.h. Arguments: THREADS PAGES PAUSE_US."""

import ctypes
import json
import os
import sys
import threading
import time

PAGE_BYTES = 4096
WORDS = PAGE_BYTES // 8
SEEN_WORD = 1

threads, pages, pause_us = (int(argument) for argument in sys.argv[1:4])
memory = bytearray((1 + threads + threads * pages) * PAGE_BYTES)
words = memoryview(memory).cast("Q")
stop = threading.Event()
wrong = []


def published(thread):
    return (1 + thread) * WORDS


def page_of(thread, step):
    return (1 + threads + thread * pages + (step - 1) % pages) * PAGE_BYTES


def write_stamps(thread):
    step = 1
    while not stop.is_set():
        seen = words[published((thread + 1) % threads)]
        stamp = step.to_bytes(8, "little")
        page = bytearray(stamp * WORDS)
        page[SEEN_WORD * 8 : SEEN_WORD * 8 + 8] = seen.to_bytes(8, "little")
        at = page_of(thread, step)
        memory[at : at + PAGE_BYTES] = page
        words[published(thread)] = step
        step += 1
        time.sleep(pause_us / 1e6)


def await_steps(more):
    goals = [words[published(thread)] + more for thread in range(threads)]
    for thread, goal in enumerate(goals):
        while words[published(thread)] < goal:
            time.sleep(0.001)


def check():
    for thread in range(threads):
        last = words[published(thread)]
        for step in range(max(1, last - pages + 1), last + 1):
            at = page_of(thread, step) // 8
            if words[at] != step or words[at + WORDS - 1] != step:
                wrong.append("a page lost its stamp")


words[0] = int.from_bytes(b"SFSTAMPS", "little") ^ 0xFFFF_FFFF_FFFF_FFFF
words[1] = threads
words[2] = pages
team = [threading.Thread(target=write_stamps, args=(thread,), daemon=True) for thread in range(threads)]
for writer in team:
    writer.start()
await_steps(1)


def say(**line):
    print(json.dumps(line), flush=True)


address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
say(type="ready", pid=os.getpid(), memory=address)
for line in sys.stdin:
    command = line.strip()
    if command == "go-on":
        await_steps(2)
        say(type="went-on")
    elif command == "warm":
        await_steps(pages)
        say(type="warm")
    elif command == "check":
        stop.set()
        for writer in team:
            writer.join()
        check()
        say(type="checked", ok=not wrong, why=next(iter(wrong), ""))
