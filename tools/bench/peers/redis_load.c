// redis_load SOCKET COUNT BYTES: fills redis-server with COUNT values of BYTES pseudo-random bytes, under the
// keys that redis-benchmark writes to with -r COUNT.
#include <inttypes.h>

#include "clock.h"
#include "redis_connection.h"

#define PIPELINE 64
#define VALUE_BYTES_MAX 65536
#define HEAD_BYTES_MAX 96

/// xorshift64*: bytes that no format makes smaller.
static void fill(uint8_t* bytes, size_t count, uint64_t* seed) {
  for (size_t i = 0; i < count; ++i) {
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    bytes[i] = (uint8_t)((*seed * 0x2545f4914f6cdd1d) >> 56);
  }
}

int main(int argc, char** argv) {
  static struct redis_connection connection;
  static uint8_t request[HEAD_BYTES_MAX + VALUE_BYTES_MAX + 2];
  redis_connect(&connection, argument(argc, argv, 1));
  const uint64_t count = number(argc, argv, 2);
  const size_t bytes = number(argc, argv, 3);
  fail_unless(bytes <= VALUE_BYTES_MAX, "BYTES is too large");
  const int64_t start_ns = now_ns();
  uint64_t seed = 0x9e3779b97f4a7c15;
  uint64_t waiting = 0;
  for (uint64_t key = 0; key < count; ++key) {
    const int head = snprintf((char*)request, HEAD_BYTES_MAX,
                              "*3\r\n$3\r\nSET\r\n$16\r\nkey:%012" PRIu64 "\r\n$%zu\r\n", key, bytes);
    fill(request + head, bytes, &seed);
    memcpy(request + (size_t)head + bytes, "\r\n", 2);
    write_all(connection.fd, request, (size_t)head + bytes + 2);
    if (++waiting == PIPELINE) {
      redis_await(&connection, waiting);
      waiting = 0;
    }
  }
  redis_await(&connection, waiting);
  printf("{\"ns\":%" PRId64 "}\n", now_ns() - start_ns);
  return 0;
}
