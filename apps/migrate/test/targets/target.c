#include "target.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "failure.h"
#include "stamps.h"

#define FACTS_MAX 8

static struct {
  const char* name;
  uint64_t value;
} facts[FACTS_MAX];
static unsigned fact_count;
static _Atomic(const char*) wrong;
static _Atomic uint64_t rounds;
static atomic_bool is_calm;

void target_fact(const char* name, uint64_t value) {
  fail_unless(fact_count < FACTS_MAX, "too many facts");
  facts[fact_count].name = name;
  facts[fact_count].value = value;
  ++fact_count;
}

void target_wrong(const char* what) {
  const char* none = NULL;
  atomic_compare_exchange_strong(&wrong, &none, what);
}

void target_wrong_unless(bool holds, const char* what) {
  if (!holds) {
    target_wrong(what);
  }
}

static void* disturb_always(void* argument) {
  const struct target* target = argument;
  for (uint64_t round = 1; !atomic_load(&is_calm); ++round) {
    target->disturb(round);
    atomic_store(&rounds, round);
  }
  return NULL;
}

static pthread_t disturber;
static bool is_disturbed;

static void start_disturber(const struct target* target) {
  fail_unless(pthread_create(&disturber, NULL, disturb_always, (void*)target) == 0, "pthread_create");
  is_disturbed = true;
}

static void await_rounds(uint64_t more) {
  const uint64_t goal = atomic_load(&rounds) + more;
  const struct timespec look = {.tv_nsec = 1000000};
  while (atomic_load(&rounds) < goal) {
    nanosleep(&look, NULL);
  }
}

static void say_ready(void) {
  printf("{\"type\":\"ready\",\"pid\":%d,\"memory\":%" PRIuPTR, getpid(), (uintptr_t)stamps_address());
  for (unsigned i = 0; i < fact_count; ++i) {
    printf(",\"%s\":%" PRIu64, facts[i].name, facts[i].value);
  }
  puts("}");
}

static void say_checked(void) {
  const char* why = atomic_load(&wrong);
  printf("{\"type\":\"checked\",\"ok\":%s,\"why\":\"%s\"}\n", why == NULL ? "true" : "false",
         why == NULL ? "" : why);
}

int target_main(int argc, char** argv, const struct target* target) {
  fail_unless(argc >= 4, "usage: THREADS PAGES PAUSE_US");
  setvbuf(stdout, NULL, _IOLBF, 0);
  const uint64_t pages = strtoull(argv[2], NULL, 10);
  if (target->setup != NULL) {
    target->setup();
  }
  stamps_start((unsigned)strtoul(argv[1], NULL, 10), pages, (unsigned)strtoul(argv[3], NULL, 10));
  stamps_await(1);
  if (target->disturb != NULL && !target->disturbs_when_told) {
    start_disturber(target);
    await_rounds(1);
  }
  say_ready();
  char line[32];
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (strcmp(line, "go-on\n") == 0) {
      stamps_await(2);
      if (is_disturbed) {
        await_rounds(2);
      }
      puts("{\"type\":\"went-on\"}");
    } else if (strcmp(line, "warm\n") == 0) {
      stamps_await(pages);
      puts("{\"type\":\"warm\"}");
    } else if (strcmp(line, "begin\n") == 0) {
      start_disturber(target);
      await_rounds(1);
      puts("{\"type\":\"begun\"}");
    } else if (strcmp(line, "check\n") == 0) {
      if (is_disturbed) {
        atomic_store(&is_calm, true);
        pthread_join(disturber, NULL);
      }
      stamps_stop_and_check();
      if (target->check != NULL) {
        target->check();
      }
      say_checked();
    } else if (strcmp(line, "exit\n") == 0) {
      _exit(0);
    } else if (strcmp(line, "exec\n") == 0) {
      execv("/proc/self/exe", argv);
      fail_unless(0, "execv");
    }
  }
  _exit(0);
}
