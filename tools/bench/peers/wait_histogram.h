// Log-linear histogram of nanoseconds, the layout of `waitBucketIndex` in @stillframe/snapshot: value v < 16
// is in bucket v; otherwise, with e = floor(log2 v), in bucket (e - 3) * 16 + ((v >> (e - 4)) & 15). One
// thread records; others read after it was joined.
#pragma once

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define WAIT_BUCKETS (64 * 16)

struct wait_histogram {
  uint64_t counts[WAIT_BUCKETS];
  uint64_t longest_ns;
};

static inline void wait_record(struct wait_histogram* waits, int64_t ns) {
  const uint64_t value = ns > 0 ? (uint64_t)ns : 0;
  const unsigned exponent = value < 16 ? 0 : 63 - (unsigned)__builtin_clzll(value);
  const size_t bucket =
      value < 16 ? (size_t)value : (exponent - 3) * (size_t)16 + ((value >> (exponent - 4)) & 15);
  waits->counts[bucket] += 1;
  if (value > waits->longest_ns) {
    waits->longest_ns = value;
  }
}

static inline void wait_add(struct wait_histogram* sum, const struct wait_histogram* waits) {
  for (size_t i = 0; i < WAIT_BUCKETS; ++i) {
    sum->counts[i] += waits->counts[i];
  }
  if (waits->longest_ns > sum->longest_ns) {
    sum->longest_ns = waits->longest_ns;
  }
}

/// As members of a JSON object: "longestNs":N,"counts":[[bucket,count],…], empty buckets left out.
static inline void wait_print(const struct wait_histogram* waits) {
  printf("\"longestNs\":%" PRIu64 ",\"counts\":[", waits->longest_ns);
  const char* separator = "";
  for (size_t i = 0; i < WAIT_BUCKETS; ++i) {
    if (waits->counts[i] > 0) {
      printf("%s[%zu,%" PRIu64 "]", separator, i, waits->counts[i]);
      separator = ",";
    }
  }
  printf("]");
}
