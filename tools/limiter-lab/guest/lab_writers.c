#include "lab_writers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "clock.h"
#include "rest_gate.h"

#define PAGE_BYTES ((size_t)4096)
// As in src/workload.ts.
#define SCATTER 2654435761u
#define HOT_SHARE_OF_PAGES 16
#define HOT_WRITES_OF_TEN 9
#define SLOW_NS 100000
#define SLOW_MAX 32768

struct writer {
  pthread_t thread;
  struct lab_writers* team;
  unsigned index;
  uint64_t random;
  struct wait_histogram waits;
  int64_t sum_ns;
  size_t slow_count;
  struct lab_slow_write slow[SLOW_MAX];
};

struct lab_writers {
  struct lab_load load;
  atomic_bool counting;
  atomic_bool stopping;
  atomic_llong resumed_ns;
  struct rest_gate gate;
  struct writer* members;
};

/// xorshift64 by Marsaglia; below `count`.
static size_t draw(struct writer* self, size_t count) {
  self->random ^= self->random << 13;
  self->random ^= self->random >> 7;
  self->random ^= self->random << 17;
  return (size_t)(self->random >> 11) % count;
}

static size_t slot_of(struct writer* self, uint64_t turn, size_t slots) {
  const size_t hot = slots / HOT_SHARE_OF_PAGES > 0 ? slots / HOT_SHARE_OF_PAGES : 1;
  switch (self->team->load.pattern) {
    case LAB_SCAN:
      return (size_t)((turn + slots / 2) % slots);
    case LAB_HOT:
      return draw(self, draw(self, 10) < HOT_WRITES_OF_TEN ? hot : slots);
    case LAB_SCATTER:
    default:
      return (size_t)((turn * SCATTER) % slots);
  }
}

/// When a write that could have been at `at_ns` may be.
static int64_t awake_ns(const struct lab_writers* team, int64_t at_ns) {
  const struct lab_load* load = &team->load;
  if (load->off_ns == 0) {
    return at_ns;
  }
  const int64_t period_ns = load->on_ns + load->off_ns;
  const int64_t since_ns = at_ns - (int64_t)atomic_load(&team->resumed_ns);
  const int64_t phase_ns = since_ns >= 0 ? since_ns % period_ns : 0;
  return phase_ns < load->on_ns ? at_ns : at_ns - phase_ns + period_ns;
}

static void count(struct writer* self, int64_t end_ns, int64_t wait_ns) {
  wait_record(&self->waits, wait_ns);
  self->sum_ns += wait_ns;
  if (wait_ns >= SLOW_NS && self->slow_count < SLOW_MAX) {
    self->slow[self->slow_count++] = (struct lab_slow_write){.end_ns = end_ns, .wait_ns = wait_ns};
  }
}

static void* write_pages(void* argument) {
  struct writer* self = argument;
  struct lab_writers* team = self->team;
  const size_t slots = team->load.bytes / PAGE_BYTES / team->load.writers;
  const int64_t period_ns = (int64_t)(1e9 / team->load.writes_per_second);
  // Otherwise each sleep is 50 µs longer than asked for, as prctl(2) says.
  prctl(PR_SET_TIMERSLACK, 1UL);
  int64_t next_ns = now_ns();
  for (uint64_t turn = 0; !atomic_load_explicit(&team->stopping, memory_order_relaxed); ++turn) {
    if (gate_pass(&team->gate)) {
      next_ns = now_ns();
    }
    const size_t slot = slot_of(self, turn, slots);
    volatile uint64_t* word =
        (volatile uint64_t*)(team->load.memory + (slot * team->load.writers + self->index) * PAGE_BYTES);
    const bool counts = atomic_load_explicit(&team->counting, memory_order_relaxed);
    const int64_t start_ns = now_ns();
    *word = turn;
    const int64_t end_ns = now_ns();
    if (counts) {
      count(self, end_ns, end_ns - start_ns);
    }
    next_ns += period_ns;
    if (next_ns < end_ns) {
      next_ns = end_ns;
    }
    next_ns = awake_ns(team, next_ns);
    if (next_ns > end_ns) {
      sleep_until(next_ns);
    }
  }
  return NULL;
}

struct lab_writers* lab_start(const struct lab_load* load) {
  struct lab_writers* team = calloc(1, sizeof *team);
  struct writer* members = calloc(load->writers, sizeof *members);
  if (team == NULL || members == NULL) {
    free(team);
    free(members);
    return NULL;
  }
  team->load = *load;
  team->members = members;
  gate_init(&team->gate, true);
  for (unsigned i = 0; i < load->writers; ++i) {
    struct writer* member = &members[i];
    member->team = team;
    member->index = i;
    member->random = 0x9E3779B97F4A7C15u + i;
    if (pthread_create(&member->thread, NULL, write_pages, member) != 0) {
      team->load.writers = i;
      lab_stop(team);
      lab_free(team);
      return NULL;
    }
  }
  return team;
}

void lab_pause(struct lab_writers* team) { gate_close(&team->gate, team->load.writers); }

void lab_resume(struct lab_writers* team) {
  atomic_store(&team->resumed_ns, now_ns());
  gate_open(&team->gate);
}

void lab_count(struct lab_writers* team, int counts) { atomic_store(&team->counting, counts != 0); }

void lab_stop(struct lab_writers* team) {
  atomic_store(&team->stopping, true);
  lab_resume(team);
  for (unsigned i = 0; i < team->load.writers; ++i) {
    pthread_join(team->members[i].thread, NULL);
  }
}

size_t lab_result(const struct lab_writers* team, struct wait_histogram* waits, int64_t* sum_ns,
                  struct lab_slow_write* slow, size_t slow_max) {
  size_t copied = 0;
  *waits = (struct wait_histogram){.longest_ns = 0};
  *sum_ns = 0;
  for (unsigned i = 0; i < team->load.writers; ++i) {
    const struct writer* member = &team->members[i];
    wait_add(waits, &member->waits);
    *sum_ns += member->sum_ns;
    for (size_t j = 0; j < member->slow_count && copied < slow_max; ++j) {
      slow[copied++] = member->slow[j];
    }
  }
  return copied;
}

void lab_free(struct lab_writers* team) {
  gate_destroy(&team->gate);
  free(team->members);
  free(team);
}
