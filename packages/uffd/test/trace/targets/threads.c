// Many threads. "many N": N threads that count. "churn": threads that are made and end all the time, and
// processes too. "leader": the first thread ends, another counts. "exit": ends with status 7, from one of
// several threads, when a byte comes. Prints the address of the counters.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNTERS 1024

static volatile uint64_t counters[COUNTERS];

static void* count(void* counter) {
  for (;;) {
    ++*(volatile uint64_t*)counter;
    // One is always at work, the others now and then: all together must leave the processors to others too.
    if ((volatile uint64_t*)counter > counters) usleep(20000);
  }
  return NULL;
}

static void* once(void* counter) {
  ++*(volatile uint64_t*)counter;
  return NULL;
}

static void* churn(void* counter) {
  for (;;) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, once, counter) == 0) pthread_join(thread, NULL);
  }
  return NULL;
}

// Also children that tell their end by no signal, which ptrace takes for threads.
static void* make_processes(void* counter) {
  for (int i = 0;; ++i) {
    int status = -1;
    pid_t child = (pid_t)syscall(SYS_clone, i % 2 ? SIGCHLD : 0, NULL, NULL, NULL, NULL);
    if (child == 0) syscall(SYS_exit_group, 0);
    if (child > 0 && (waitpid(child, &status, __WALL) != child || status != 0)) _exit(9);
    ++*(volatile uint64_t*)counter;
  }
  return NULL;
}

/* Not the first thread executes it: it takes that one's place. */
static void* execute(void* rounds) {
  char text[16];
  snprintf(text, sizeof text, "%d", *(int*)rounds - 1);
  execl("/proc/self/exe", "threads", "exec", text, (char*)NULL);
  _exit(6);
}

static void start(void* (*body)(void*), int counter) {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  if (pthread_create(&thread, &attributes, body, (void*)&counters[counter]) != 0) _exit(8);
}

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[1] : "";
  char byte;
  if (!strcmp(name, "many"))
    for (int i = 0; i < atoi(argv[2]); ++i) start(count, i);
  if (!strcmp(name, "churn")) {
    for (int i = 0; i < 3; ++i) start(churn, i);
    start(make_processes, 3);
  }
  if (!strcmp(name, "leader")) start(count, 0);
  if (!strcmp(name, "exit"))
    for (int i = 0; i < 3; ++i) start(churn, i);
  if (!strcmp(name, "exec")) {
    int rounds = atoi(argv[2]);
    pthread_t thread;
    for (int i = 0; i < 3; ++i) start(churn, i);
    if (rounds > 0 && pthread_create(&thread, NULL, execute, &rounds) == 0) pthread_join(thread, NULL);
  }
  printf("%llu\n", (unsigned long long)(uintptr_t)counters);
  fflush(stdout);
  if (!strcmp(name, "leader")) pthread_exit(NULL);
  for (int i = 0; !strcmp(name, "exit") && i < 200; ++i) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, once, (void*)&counters[4]) == 0) pthread_join(thread, NULL);
  }
  // One more that counts, for each byte.
  for (int i = 0; strcmp(name, "exit") && read(0, &byte, 1) > 0; ++i) {
    start(count, i);
    printf("ok\n");
    fflush(stdout);
  }
  exit(7);
}
