// pipe_reader BYTES_PER_SECOND STALLS STALL_MS EXPECTED_BYTES: reads stdin to its end and keeps nothing, like
// the sinks of src/ours/sinks.ts: at a rate (0: as it comes), and standing still so often, evenly spread over
// the bytes that are expected.
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "failure.h"

enum { BUFFER_BYTES = 1 << 20 };

static uint8_t buffer[BUFFER_BYTES];

int main(int argc, char** argv) {
  const uint64_t rate = number(argc, argv, 1);
  const uint64_t stalls = number(argc, argv, 2);
  const uint64_t stall_ms = number(argc, argv, 3);
  const uint64_t expected = number(argc, argv, 4);
  const int64_t start_ns = now_ns();
  uint64_t total = 0;
  uint64_t done = 0;
  for (;;) {
    const ssize_t count = read(STDIN_FILENO, buffer, sizeof buffer);
    fail_unless(count >= 0, "read");
    if (count == 0) {
      return 0;
    }
    total += (uint64_t)count;
    if (done < stalls && total >= (done + 1) * expected / (stalls + 1)) {
      done++;
      sleep_until(now_ns() + (int64_t)stall_ms * 1000000);
    }
    if (rate > 0) {
      sleep_until(start_ns + (int64_t)((double)total / (double)rate * 1e9));
    }
  }
}
