// send_tcp BYTES PORT: sends memory to a reader on this machine in a plain loop.
#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "loopback.h"
#include "output.h"

int main(int argc, char** argv) {
  const size_t bytes = number(argc, argv, 1);
  const uint8_t* memory = map_guest(bytes, "base");
  const int connection = connect_to_loopback((uint16_t)number(argc, argv, 2));
  const int64_t start_ns = now_ns();
  send_all(connection, memory, bytes);
  printf("{\"ns\":%" PRId64 "}\n", now_ns() - start_ns);
  return 0;
}
