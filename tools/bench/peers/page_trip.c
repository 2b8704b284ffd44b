// page_trip serve ADDRESS 0: answers each request of 32 bytes with a page, until the connection ends; the
// port is told.
// page_trip ask ADDRESS PORT COUNT: how long a page takes to come, one after the other: what a remote fault
// cannot be quicker than.
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "failure.h"
#include "wait_histogram.h"

enum { REQUEST_BYTES = 32, PAGE_BYTES = 4096 };

static void no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static bool receive_all(int fd, uint8_t* into, size_t count) {
  while (count > 0) {
    const ssize_t got = recv(fd, into, count, 0);
    if (got <= 0) {
      return false;
    }
    into += got;
    count -= (size_t)got;
  }
  return true;
}

static void send_whole(int fd, const uint8_t* bytes, size_t count) {
  fail_unless(send(fd, bytes, count, MSG_NOSIGNAL) == (ssize_t)count, "send");
}

static void serve(struct sockaddr_in address) {
  static uint8_t page[PAGE_BYTES];
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  fail_unless(bind(listener, (struct sockaddr*)&address, sizeof address) == 0 && listen(listener, 1) == 0,
              "listen");
  socklen_t length = sizeof address;
  fail_unless(getsockname(listener, (struct sockaddr*)&address, &length) == 0, "getsockname");
  printf("{\"port\":%d}\n", ntohs(address.sin_port));
  fflush(stdout);
  const int connection = accept(listener, NULL, NULL);
  fail_unless(connection >= 0, "accept");
  no_delay(connection);
  uint8_t request[REQUEST_BYTES];
  while (receive_all(connection, request, sizeof request)) {
    send_whole(connection, page, sizeof page);
  }
}

static void ask(struct sockaddr_in address, uint64_t count) {
  static uint8_t page[PAGE_BYTES];
  static struct wait_histogram waits;
  const uint8_t request[REQUEST_BYTES] = {0};
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  fail_unless(connect(connection, (struct sockaddr*)&address, sizeof address) == 0, "connect");
  no_delay(connection);
  for (uint64_t i = 0; i < count; ++i) {
    const int64_t start_ns = now_ns();
    send_whole(connection, request, sizeof request);
    fail_unless(receive_all(connection, page, sizeof page), "recv");
    wait_record(&waits, now_ns() - start_ns);
  }
  printf("{");
  wait_print(&waits);
  printf("}\n");
}

int main(int argc, char** argv) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number(argc, argv, 3))};
  fail_unless(inet_pton(AF_INET, argument(argc, argv, 2), &address.sin_addr) == 1, "address");
  if (strcmp(argument(argc, argv, 1), "serve") == 0) {
    serve(address);
  } else {
    ask(address, number(argc, argv, 4));
  }
  return 0;
}
