// redis_probe SOCKET: a client that asks PING and SET in turns, one request after the other with a pause of
// 100 µs between two, and times each. Prints {"ready":1} when it has had its first answer; begins to count at
// the first byte on stdin and prints the times at the next.
#include <poll.h>
#include <time.h>

#include "clock.h"
#include "redis_connection.h"
#include "wait_histogram.h"

#define PAUSE_NS 100000

static const char ping[] = "*1\r\n$4\r\nPING\r\n";
static const char set[] = "*3\r\n$3\r\nSET\r\n$10\r\nprobe:0000\r\n$8\r\nabcdefgh\r\n";

static int64_t ask(struct redis_connection* connection, const char* request, size_t bytes) {
  const int64_t start_ns = now_ns();
  write_all(connection->fd, (const uint8_t*)request, bytes);
  redis_await(connection, 1);
  return now_ns() - start_ns;
}

static int was_told(void) {
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  char byte;
  if (poll(&input, 1, 0) != 1) {
    return 0;
  }
  fail_unless(read(STDIN_FILENO, &byte, 1) == 1, "stdin has ended");
  return 1;
}

int main(int argc, char** argv) {
  static struct redis_connection connection;
  static struct wait_histogram waits;
  redis_connect(&connection, argument(argc, argv, 1));
  ask(&connection, ping, sizeof ping - 1);
  printf("{\"ready\":1}\n");
  fflush(stdout);
  const struct timespec pause = {.tv_nsec = PAUSE_NS};
  int is_counting = 0;
  for (;;) {
    const int64_t ping_ns = ask(&connection, ping, sizeof ping - 1);
    const int64_t set_ns = ask(&connection, set, sizeof set - 1);
    if (is_counting) {
      wait_record(&waits, ping_ns);
      wait_record(&waits, set_ns);
    }
    if (was_told()) {
      if (is_counting) {
        break;
      }
      is_counting = 1;
    }
    nanosleep(&pause, NULL);
  }
  printf("{");
  wait_print(&waits);
  printf("}\n");
  return 0;
}
