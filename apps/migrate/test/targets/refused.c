// Processes that cannot be pictured: refused WHAT
//   filtered   a seccomp filter decides about its system calls
//   strict     seccomp allows it next to nothing
//   traced     someone traces it already
//   zombie     it has ended, and nobody has asked for its status
//   sharer     another process uses the same memory
//   namespace  it lives in a user namespace of its own
// The ready line names the process; it stays until stdin ends.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "failure.h"

static int to_parent;

static void tell(char word) { fail_unless(write(to_parent, &word, 1) == 1, "write"); }

/// Waits for ever, by the one call that strict seccomp allows.
static void stay(int from_parent) {
  char byte;
  while (syscall(SYS_read, from_parent, &byte, 1) == 1) {
  }
  syscall(SYS_exit, 0);
}

static int share(void* argument) {
  stay((int)(intptr_t)argument);
  return 0;
}

static void become(const char* what, int from_parent) {
  static uint8_t stack[64 * 1024] __attribute__((aligned(16)));
  if (strcmp(what, "filtered") == 0) {
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const struct sock_fprog program = {.len = 1, .filter = &allow};
    fail_unless(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
    fail_unless(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "seccomp");
  } else if (strcmp(what, "sharer") == 0) {
    fail_unless(clone(share, stack + sizeof stack, CLONE_VM | SIGCHLD, (void*)(intptr_t)from_parent) > 0,
                "clone");
  } else if (strcmp(what, "namespace") == 0) {
    fail_unless(unshare(CLONE_NEWUSER) == 0, "unshare");
  } else if (strcmp(what, "zombie") == 0) {
    tell('r');
    _exit(0);
  } else if (strcmp(what, "strict") == 0) {
    tell('r');
    fail_unless(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0, "seccomp");
    stay(from_parent);
  } else {
    fail_unless(strcmp(what, "traced") == 0, "no such kind");
  }
  tell('r');
  stay(from_parent);
}

/// Strict seccomp and the end of a process cannot be told by it: /proc can.
static char state_of(pid_t pid, int* seccomp) {
  char path[64], line[256], found = '?';
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE* status = fopen(path, "re");
  fail_unless(status != NULL, path);
  while (fgets(line, sizeof line, status) != NULL) {
    sscanf(line, "State: %c", &found);
    sscanf(line, "Seccomp: %d", seccomp);
  }
  fclose(status);
  return found;
}

static void await_state(pid_t pid, const char* what) {
  const int is_strict = strcmp(what, "strict") == 0;
  const int is_zombie = strcmp(what, "zombie") == 0;
  for (int seccomp = 0;;) {
    const char found = state_of(pid, &seccomp);
    if ((!is_zombie || found == 'Z') && (!is_strict || seccomp == 1)) {
      return;
    }
    usleep(1000);
  }
}

int main(int argc, char** argv) {
  fail_unless(argc == 2, "usage: WHAT");
  int down[2], up[2];
  fail_unless(pipe(down) == 0 && pipe(up) == 0, "pipe");
  to_parent = up[1];
  const pid_t child = fork();
  fail_unless(child >= 0, "fork");
  if (child == 0) {
    close(down[1]);
    become(argv[1], down[0]);
  }
  char byte;
  fail_unless(read(up[0], &byte, 1) == 1, "the child failed");
  await_state(child, argv[1]);
  if (strcmp(argv[1], "traced") == 0) {
    fail_unless(ptrace(PTRACE_SEIZE, child, 0, 0) == 0, "PTRACE_SEIZE");
  }
  printf("{\"type\":\"ready\",\"pid\":%d}\n", child);
  fflush(stdout);
  while (read(STDIN_FILENO, &byte, 1) == 1) {
  }
  return 0;
}
