// A connection to redis-server over its Unix socket, in RESP2 as its users speak it. Every reply here is one
// line: +PONG, +OK; an error ends the program.
#pragma once

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "failure.h"
#include "output.h"

struct redis_connection {
  int fd;
  char bytes[64 * 1024];
  size_t filled;
};

static inline void redis_connect(struct redis_connection* connection, const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  fail_unless(strlen(path) < sizeof address.sun_path, "the path of the socket is too long");
  strcpy(address.sun_path, path);
  connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  fail_unless(connection->fd >= 0, "socket");
  fail_unless(connect(connection->fd, (const struct sockaddr*)&address, sizeof address) == 0, path);
  connection->filled = 0;
}

/// Reads until `count` replies were there.
static inline void redis_await(struct redis_connection* connection, uint64_t count) {
  while (count > 0) {
    const ssize_t got = read(connection->fd, connection->bytes + connection->filled,
                             sizeof connection->bytes - connection->filled);
    fail_unless(got > 0, "read from redis-server");
    connection->filled += (size_t)got;
    const char* from = connection->bytes;
    const char* end = connection->bytes + connection->filled;
    for (const char* line; count > 0 && (line = memchr(from, '\n', (size_t)(end - from))) != NULL; --count) {
      if (*from != '+') {
        fprintf(stderr, "redis-server said %.*s\n", (int)(line - from), from);
        exit(1);
      }
      from = line + 1;
    }
    connection->filled = (size_t)(end - from);
    memmove(connection->bytes, from, connection->filled);
  }
}
