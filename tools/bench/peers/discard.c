// discard: takes one connection, reads it to its end and keeps nothing. Prints the port, then the bytes.
#include <inttypes.h>
#include <stdio.h>

#include "guest_memory.h"
#include "loopback.h"

int main(void) {
  uint16_t port = 0;
  const int listener = listen_on_loopback(&port);
  printf("{\"port\":%u}\n", port);
  fflush(stdout);
  const int connection = accept(listener, NULL, NULL);
  fail_unless(connection >= 0, "accept");
  uint8_t* buffer = map_destination(BLOCK_BYTES);
  uint64_t bytes = 0;
  ssize_t got;
  while ((got = recv(connection, buffer, BLOCK_BYTES, 0)) > 0) {
    bytes += (uint64_t)got;
  }
  fail_unless(got == 0, "recv");
  printf("{\"bytes\":%" PRIu64 "}\n", bytes);
  return 0;
}
