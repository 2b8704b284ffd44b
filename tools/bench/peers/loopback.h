// TCP on this machine.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "failure.h"

static inline struct sockaddr_in loopback(uint16_t port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
}

/// Listens on a port of the kernel's choice, which `port` is set to.
static inline int listen_on_loopback(uint16_t* port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  fail_unless(listener >= 0 && bind(listener, (struct sockaddr*)&address, length) == 0 &&
                  listen(listener, 1) == 0 && getsockname(listener, (struct sockaddr*)&address, &length) == 0,
              "listen");
  *port = ntohs(address.sin_port);
  return listener;
}

static inline int connect_to_loopback(uint16_t port) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const struct sockaddr_in address = loopback(port);
  fail_unless(connection >= 0 && connect(connection, (const struct sockaddr*)&address, sizeof address) == 0,
              "connect");
  return connection;
}
