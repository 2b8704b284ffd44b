#include "writers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "clock.h"
#include "rest_gate.h"

#define PAGE_BYTES ((size_t)4096)
// Odd and far from a power of two: multiples of it are scattered over any power of two of pages, each hit
// once.
#define SCATTER 2654435761u

struct writer {
  pthread_t thread;
  struct writers* team;
  unsigned index;
  struct wait_histogram waits[WRITER_PHASES];
};

struct writers {
  struct writer_load load;
  atomic_int phase;
  atomic_bool stopping;
  struct rest_gate gate;
  struct writer* members;
};

static void* write_pages(void* argument) {
  struct writer* self = argument;
  struct writers* team = self->team;
  const size_t slots = team->load.bytes / PAGE_BYTES / team->load.writers;
  const int64_t period_ns = (int64_t)(1e9 / team->load.writes_per_second);
  // Otherwise each sleep is 50 µs longer than asked for, as prctl(2) says.
  prctl(PR_SET_TIMERSLACK, 1UL);
  int64_t next_ns = now_ns();
  for (uint64_t turn = 0; !atomic_load_explicit(&team->stopping, memory_order_relaxed); ++turn) {
    gate_pass(&team->gate);
    const size_t slot = (size_t)((turn * SCATTER) % slots);
    volatile uint64_t* word =
        (volatile uint64_t*)(team->load.memory + (slot * team->load.writers + self->index) * PAGE_BYTES);
    const int phase = atomic_load_explicit(&team->phase, memory_order_relaxed);
    const int64_t start_ns = now_ns();
    *word = turn;
    const int64_t end_ns = now_ns();
    wait_record(&self->waits[phase], end_ns - start_ns);
    next_ns += period_ns;
    if (next_ns > end_ns) {
      sleep_until(next_ns);
    } else {
      next_ns = end_ns;
    }
  }
  return NULL;
}

struct writers* writers_start(const struct writer_load* load) {
  struct writers* team = calloc(1, sizeof *team);
  struct writer* members = calloc(load->writers, sizeof *members);
  if (team == NULL || members == NULL) {
    free(team);
    free(members);
    return NULL;
  }
  team->load = *load;
  team->members = members;
  gate_init(&team->gate, false);
  for (unsigned i = 0; i < load->writers; ++i) {
    struct writer* member = &members[i];
    member->team = team;
    member->index = i;
    if (pthread_create(&member->thread, NULL, write_pages, member) != 0) {
      team->load.writers = i;
      writers_stop(team);
      writers_free(team);
      return NULL;
    }
  }
  return team;
}

void writers_pause(struct writers* team) { gate_close(&team->gate, team->load.writers); }

void writers_resume(struct writers* team) { gate_open(&team->gate); }

void writers_enter(struct writers* team, enum writer_phase phase) { atomic_store(&team->phase, phase); }

void writers_stop(struct writers* team) {
  atomic_store(&team->stopping, true);
  writers_resume(team);
  for (unsigned i = 0; i < team->load.writers; ++i) {
    pthread_join(team->members[i].thread, NULL);
  }
}

void writers_waits(const struct writers* team, enum writer_phase phase, struct wait_histogram* out) {
  *out = (struct wait_histogram){.longest_ns = 0};
  for (unsigned i = 0; i < team->load.writers; ++i) {
    wait_add(out, &team->members[i].waits[phase]);
  }
}

void writers_free(struct writers* team) {
  gate_destroy(&team->gate);
  free(team->members);
  free(team);
}
