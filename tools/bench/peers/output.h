// The plain loop: the same bytes, one megabyte a call.
#pragma once

#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "failure.h"
#include "guest_memory.h"

static inline void write_all(int fd, const uint8_t* bytes, size_t count) {
  while (count > 0) {
    const ssize_t written = write(fd, bytes, count < BLOCK_BYTES ? count : BLOCK_BYTES);
    fail_unless(written > 0, "write");
    bytes += written;
    count -= (size_t)written;
  }
}

static inline void send_all(int fd, const uint8_t* bytes, size_t count) {
  while (count > 0) {
    const ssize_t sent = send(fd, bytes, count < BLOCK_BYTES ? count : BLOCK_BYTES, MSG_NOSIGNAL);
    fail_unless(sent > 0, "send");
    bytes += sent;
    count -= (size_t)sent;
  }
}

static inline int create_file(const char* path) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  fail_unless(fd >= 0, path);
  return fd;
}

/// Memory that was free for long costs several times as much to fill on a virtual machine: its host may have
/// taken it back. A file that is written and removed first leaves memory that is at hand.
static inline void warm_file_memory(const uint8_t* bytes, size_t count, const char* path) {
  const int fd = create_file(path);
  write_all(fd, bytes, count);
  fail_unless(unlink(path) == 0, "unlink");
  close(fd);
}
