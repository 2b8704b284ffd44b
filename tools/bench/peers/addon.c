// The parts of the peers that our own side runs too, for Node: the memory's bytes, the writers, the memory
// watch. One team of writers and one watch at a time. Addresses and sizes are numbers below 2^53.
#include <node_api.h>

#include "guest_memory.h"
#include "memory_map.h"
#include "resident_memory.h"
#include "writers.h"

#define ARGUMENTS_MAX 4

static struct writers* team;

static void get_numbers(napi_env env, napi_callback_info info, double* numbers) {
  size_t count = ARGUMENTS_MAX;
  napi_value values[ARGUMENTS_MAX];
  napi_get_cb_info(env, info, &count, values, NULL, NULL);
  for (size_t i = 0; i < ARGUMENTS_MAX; ++i) {
    numbers[i] = 0;
    if (i < count) {
      napi_get_value_double(env, values[i], &numbers[i]);
    }
  }
}

static napi_value to_number(napi_env env, double value) {
  napi_value number;
  napi_create_double(env, value, &number);
  return number;
}

/// preparePages(address, bytes, kind: 0 base, 1 huge, 2 untouched)
static napi_value js_prepare_pages(napi_env env, napi_callback_info info) {
  static const char* const kinds[] = {"base", "huge", "untouched"};
  double numbers[ARGUMENTS_MAX];
  get_numbers(env, info, numbers);
  prepare_pages((uint8_t*)(uintptr_t)numbers[0], (size_t)numbers[1], kinds[(size_t)numbers[2] % 3]);
  return NULL;
}

/// mappingBytes(address, field: 0 Rss, 1 AnonHugePages): bytes
static napi_value js_mapping_bytes(napi_env env, napi_callback_info info) {
  static const char* const fields[] = {"Rss:", "AnonHugePages:"};
  double numbers[ARGUMENTS_MAX];
  get_numbers(env, info, numbers);
  return to_number(env, (double)mapping_bytes((uintptr_t)numbers[0], fields[(size_t)numbers[1] % 2]));
}

/// writersStart(address, bytes, writers, writesPerSecond): whether they run
static napi_value js_writers_start(napi_env env, napi_callback_info info) {
  double numbers[ARGUMENTS_MAX];
  get_numbers(env, info, numbers);
  const struct writer_load load = {.memory = (uint8_t*)(uintptr_t)numbers[0],
                                   .bytes = (size_t)numbers[1],
                                   .writers = (unsigned)numbers[2],
                                   .writes_per_second = numbers[3]};
  if (team == NULL) {
    team = writers_start(&load);
  }
  napi_value started;
  napi_get_boolean(env, team != NULL, &started);
  return started;
}

static napi_value js_writers_pause(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
  writers_pause(team);
  return NULL;
}

static napi_value js_writers_resume(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
  writers_resume(team);
  return NULL;
}

/// writersEnter(phase: 0 before, 1 during, 2 after)
static napi_value js_writers_enter(napi_env env, napi_callback_info info) {
  double numbers[ARGUMENTS_MAX];
  get_numbers(env, info, numbers);
  writers_enter(team, (enum writer_phase)((size_t)numbers[0] % WRITER_PHASES));
  return NULL;
}

/// writersStop(counts: Float64Array of WAIT_BUCKETS): the longest write during the snapshot, ns; `counts` is
/// filled.
static napi_value js_writers_stop(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value value;
  napi_get_cb_info(env, info, &count, &value, NULL, NULL);
  napi_typedarray_type type;
  size_t length = 0;
  void* data = NULL;
  napi_get_typedarray_info(env, value, &type, &length, &data, NULL, NULL);
  if (type != napi_float64_array || length < WAIT_BUCKETS) {
    napi_throw_range_error(env, NULL, "counts is too short");
    return NULL;
  }
  struct wait_histogram waits;
  writers_stop(team);
  writers_waits(team, WRITER_DURING, &waits);
  writers_free(team);
  team = NULL;
  for (size_t i = 0; i < WAIT_BUCKETS; ++i) {
    ((double*)data)[i] = (double)waits.counts[i];
  }
  return to_number(env, (double)waits.longest_ns);
}

static napi_value js_resident_bytes(napi_env env, napi_callback_info info) {
  (void)info;
  return to_number(env, (double)resident_bytes());
}

static napi_value js_resident_watch_start(napi_env env, napi_callback_info info) {
  (void)info;
  return to_number(env, resident_watch_start());
}

static napi_value js_resident_watch_stop(napi_env env, napi_callback_info info) {
  (void)info;
  return to_number(env, (double)resident_watch_stop());
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {.utf8name = "preparePages", .method = js_prepare_pages, .attributes = napi_enumerable},
      {.utf8name = "mappingBytes", .method = js_mapping_bytes, .attributes = napi_enumerable},
      {.utf8name = "writersStart", .method = js_writers_start, .attributes = napi_enumerable},
      {.utf8name = "writersPause", .method = js_writers_pause, .attributes = napi_enumerable},
      {.utf8name = "writersResume", .method = js_writers_resume, .attributes = napi_enumerable},
      {.utf8name = "writersEnter", .method = js_writers_enter, .attributes = napi_enumerable},
      {.utf8name = "writersStop", .method = js_writers_stop, .attributes = napi_enumerable},
      {.utf8name = "residentBytes", .method = js_resident_bytes, .attributes = napi_enumerable},
      {.utf8name = "residentWatchStart", .method = js_resident_watch_start, .attributes = napi_enumerable},
      {.utf8name = "residentWatchStop", .method = js_resident_watch_stop, .attributes = napi_enumerable},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}
