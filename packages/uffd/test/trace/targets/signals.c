// Takes signals that another process sends, each exactly once, and faults of its own. "queued": 5000
// real-time signals with numbers. "ping": 2000 times SIGUSR1, the next one when the last was handled.
// "faults": 20000 writes to memory that is closed, which a handler opens. Then "SEEN TWICE".
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUEUED 5000
#define PINGS 2000
#define FAULTS 20000

static volatile unsigned char* handled; /* shared with the sender */
static volatile int* pings;
static volatile int seen, twice;
static char* closed;

static void take_queued(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)context;
  int number = info->si_value.sival_int;
  if (handled[number]++) ++twice;
  ++seen;
}

static void take_ping(int signal) {
  (void)signal;
  ++*pings;
}

static void take_fault(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)context;
  if (info->si_addr != closed || info->si_code != SEGV_ACCERR) _exit(3);
  ++seen;
  mprotect(closed, 4096, PROT_READ | PROT_WRITE);
}

static void install(int signal, void (*action)(int, siginfo_t*, void*)) {
  struct sigaction all = {.sa_sigaction = action, .sa_flags = SA_SIGINFO};
  sigaction(signal, &all, NULL);
}

static void send_queued(pid_t target) {
  for (int number = 0; number < QUEUED;) {
    union sigval value = {.sival_int = number};
    if (sigqueue(target, SIGRTMIN + number % 3, value) == 0)
      ++number;
    else if (errno == EAGAIN)
      sched_yield();
    else
      _exit(1);
  }
}

static void send_pings(pid_t target) {
  for (int number = 0; number < PINGS; ++number) {
    kill(target, SIGUSR1);
    while (*pings == number) sched_yield();
  }
}

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[1] : "";
  void* shared = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pings = shared;
  handled = (unsigned char*)shared + 4096;
  for (int i = 0; i < 3; ++i) install(SIGRTMIN + i, take_queued);
  signal(SIGUSR1, take_ping);
  install(SIGSEGV, take_fault);
  closed = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("ready\n");
  fflush(stdout);

  pid_t target = getpid(), sender = -1;
  int queued = !strcmp(name, "queued"), ping = !strcmp(name, "ping");
  if (queued || ping) {
    sender = fork();
    if (sender == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (queued)
        send_queued(target);
      else
        send_pings(target);
      _exit(0);
    }
  }
  if (queued)
    while (seen < QUEUED) {
    }
  if (ping)
    while (*pings < PINGS) pause();
  if (!queued && !ping) {
    for (int i = 0; i < FAULTS; ++i) {
      mprotect(closed, 4096, PROT_NONE);
      *(volatile char*)closed = 1;
    }
  }
  if (sender > 0) waitpid(sender, NULL, 0);
  printf("%d %d\n", ping ? *pings : seen, twice);
  fflush(stdout);
  // Whoever stops us may be about to do it once more.
  for (char rest; read(0, &rest, 1) > 0;) {
  }
  return 0;
}
