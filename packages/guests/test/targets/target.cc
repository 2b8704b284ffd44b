// A process to be captured: argv[1] says what it is like. It prints what it made, one `NAME ADDRESS BYTES` a
// line, then `ready`, and stays until its standard input ends.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kTib = size_t{1} << 40;

/// In .data and .bss of this program: private copies of file pages, and anonymous memory next to them.
volatile char written_data[3 * kPage] = "written before";
volatile char zeroed[5 * kPage];

char* Map(size_t bytes, int flags, int fd = -1, off_t offset = 0, int prot = PROT_READ | PROT_WRITE) {
  void* at = mmap(nullptr, bytes, prot, flags, fd, offset);
  if (at == MAP_FAILED) {
    perror("mmap");
    exit(1);
  }
  return static_cast<char*>(at);
}

void Tell(const char* name, const volatile void* at, size_t bytes) {
  printf("%s %zx %zu\n", name, reinterpret_cast<size_t>(at), bytes);
}

/// Page n of `at` says so in its first bytes.
void Number(char* at, size_t pages) {
  for (size_t page = 0; page < pages; page++) snprintf(at + page * kPage, kPage, "page %zu", page);
}

void Ready() {
  printf("ready\n");
  fflush(stdout);
}

int UntilEnd() {
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
  return 0;
}

/// A file of `pages` numbered pages, without a name afterwards if `unlinked`.
int File(const char* path, size_t pages, bool unlinked) {
  const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  std::string page(kPage, 'f');
  for (size_t n = 0; n < pages; n++)
    if (write(fd, page.data(), kPage) != static_cast<ssize_t>(kPage)) exit(1);
  if (unlinked) unlink(path);
  return fd;
}

int Zoo(const std::string& folder) {
  written_data[kPage] = 'w';
  zeroed[2 * kPage] = 'z';
  char* anonymous = Map(8 * kPage, MAP_PRIVATE | MAP_ANONYMOUS);
  Number(anonymous, 3);
  Tell("anonymous", anonymous, 8 * kPage);
  char* sparse = Map(kTib, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
  Number(sparse + kTib / 2, 2);
  sparse[kTib - kPage] = 'e';
  Tell("sparse", sparse, kTib);
  char* untouched = Map(16 * kPage, MAP_PRIVATE | MAP_ANONYMOUS);
  Tell("untouched", untouched, 16 * kPage);
  char* closed = Map(4 * kPage, MAP_PRIVATE | MAP_ANONYMOUS);
  Number(closed, 4);
  mprotect(closed, 4 * kPage, PROT_NONE);
  Tell("closed", closed, 4 * kPage);
  char* dontdump = Map(4 * kPage, MAP_PRIVATE | MAP_ANONYMOUS);
  Number(dontdump, 4);
  madvise(dontdump, 4 * kPage, MADV_DONTDUMP);
  Tell("dontdump", dontdump, 4 * kPage);
  char* shared = Map(8 * kPage, MAP_SHARED | MAP_ANONYMOUS);
  Number(shared, 2);
  Tell("shared", shared, 8 * kPage);
  const int memfd = static_cast<int>(syscall(SYS_memfd_create, "zoo", 0));
  if (ftruncate(memfd, 64 * kPage) != 0) return 1;
  if (pwrite(memfd, "not mapped in", 14, 32 * kPage) != 14) return 1;
  char* memory = Map(64 * kPage, MAP_SHARED, memfd);
  Number(memory, 2);
  Tell("memfd", memory, 64 * kPage);
  const int doubled = static_cast<int>(syscall(SYS_memfd_create, "doubled", 0));
  if (ftruncate(doubled, 4 * kPage) != 0) return 1;
  char* one = Map(4 * kPage, MAP_SHARED, doubled);
  char* other = Map(2 * kPage, MAP_SHARED, doubled, 2 * kPage);
  Number(one, 4);
  Tell("alias-one", one, 4 * kPage);
  Tell("alias-other", other, 2 * kPage);
  const int sysv = shmget(IPC_PRIVATE, 4 * kPage, IPC_CREAT | 0600);
  char* segment = static_cast<char*>(shmat(sysv, nullptr, 0));
  shmctl(sysv, IPC_RMID, nullptr);
  Number(segment, 1);
  Tell("sysv", segment, 4 * kPage);
  char* named = Map(4 * kPage, MAP_SHARED, File((folder + "/named").c_str(), 4, false));
  named[0] = 'n';
  Tell("shared-file", named, 4 * kPage);
  char* unlinked = Map(4 * kPage, MAP_SHARED, File((folder + "/unlinked").c_str(), 4, true));
  unlinked[0] = 'u';
  Tell("deleted-file", unlinked, 4 * kPage);
  char* file = Map(4 * kPage, MAP_PRIVATE, File((folder + "/private").c_str(), 4, false));
  file[kPage] = 'p';
  Tell("private-file", file, 4 * kPage);
  char* large = Map(1024 * kPage, MAP_PRIVATE, File((folder + "/large").c_str(), 1024, false));
  large[100 * kPage] = 'l';
  large[900 * kPage] = 'l';
  Tell("large-file", large, 1024 * kPage);
  Tell("data", written_data, sizeof written_data);
  Tell("bss", zeroed, sizeof zeroed);
  Ready();
  return UntilEnd();
}

int Seccomp() {
  sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  sock_fprog program = {1, &allow};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 1;
  Ready();
  return UntilEnd();
}

int Sleep(void*) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) pause();
}

/// Another process with the same memory.
int Share() {
  static char stack[16 * kPage] __attribute__((aligned(16)));
  const int child = clone(Sleep, stack + sizeof stack, CLONE_VM | SIGCHLD, nullptr);
  Tell("child", nullptr, static_cast<size_t>(child));
  Ready();
  UntilEnd();
  kill(child, SIGKILL);
  return 0;
}

int Userfault() {
  const int fd = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY));
  uffdio_api api = {UFFD_API, 0, 0};
  char* memory = Map(4 * kPage, MAP_PRIVATE | MAP_ANONYMOUS);
  uffdio_register range = {{reinterpret_cast<uint64_t>(memory), 4 * kPage}, UFFDIO_REGISTER_MODE_MISSING, 0};
  if (ioctl(fd, UFFDIO_API, &api) != 0 || ioctl(fd, UFFDIO_REGISTER, &range) != 0) return 1;
  Ready();
  return UntilEnd();
}

int Zombie() {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t info;
  waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
  Tell("child", nullptr, static_cast<size_t>(child));
  Ready();
  return UntilEnd();
}

/// Huge pages, the second and the third of which were touched.
int Huge() {
  constexpr size_t huge = size_t{2} << 20;
  char* memory = Map(4 * huge, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB);
  strcpy(memory + huge, "huge page 1");
  strcpy(memory + 3 * huge - 16, "huge page 2");
  Tell("huge", memory, 4 * huge);
  Ready();
  return UntilEnd();
}

/// A child that has some of the shared memory too.
int Family() {
  char* ours = Map(4 * kPage, MAP_SHARED | MAP_ANONYMOUS);
  Number(ours, 4);
  if (fork() == 0) return Sleep(nullptr);
  char* alone = Map(4 * kPage, MAP_SHARED | MAP_ANONYMOUS);
  Number(alone, 4);
  Tell("family", ours, 4 * kPage);
  Tell("alone", alone, 4 * kPage);
  Ready();
  return UntilEnd();
}

/// A child that this process traces.
int Traced() {
  const pid_t child = fork();
  if (child == 0) return Sleep(nullptr);
  if (ptrace(PTRACE_SEIZE, child, nullptr, PTRACE_O_EXITKILL) != 0) return 1;
  Tell("child", nullptr, static_cast<size_t>(child));
  Ready();
  return UntilEnd();
}

/// The kernel's own name for a 32-bit personality.
int Personality() {
  if (syscall(SYS_personality, 0x0008) < 0) return 1;
  Ready();
  return UntilEnd();
}

/// Many mappings that do not merge: every other one may be executed too.
int Mappings(size_t count) {
  char* at = Map(count * 2 * kPage, MAP_PRIVATE | MAP_ANONYMOUS);
  for (size_t n = 0; n < count; n += 2) mprotect(at + n * 2 * kPage, 2 * kPage, PROT_READ);
  for (size_t n = 1; n < count; n += 2) snprintf(at + n * 2 * kPage, kPage, "mapping %zu", n);
  Tell("mappings", at, count * 2 * kPage);
  Ready();
  return UntilEnd();
}

sem_t all_there;
char* volatile numbered_stack_word[1024];

__attribute__((noinline)) void Innermost(long number) {
  char here[64];
  snprintf(here, sizeof here, "thread %ld", number);
  numbered_stack_word[number] = here;
  sem_post(&all_there);
  for (;;) pause();
}

__attribute__((noinline)) void Middle(long number) {
  Innermost(number);
  asm volatile("" ::: "memory");
}

void* Thread(void* number) {
  char name[16];
  snprintf(name, sizeof name, "worker-%ld", reinterpret_cast<long>(number));
  prctl(PR_SET_NAME, name);
  Middle(reinterpret_cast<long>(number));
  return nullptr;
}

int Threads(long count) {
  sem_init(&all_there, 0, 0);
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 * 1024);
  for (long number = 0; number < count; number++) {
    pthread_t thread;
    if (pthread_create(&thread, &small, Thread, reinterpret_cast<void*>(number)) != 0) return 1;
  }
  for (long number = 0; number < count; number++) sem_wait(&all_there);
  Ready();
  return UntilEnd();
}

}  // namespace

int main(int count, char** words) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const std::string mode = count > 1 ? words[1] : "";
  const char* argument = count > 2 ? words[2] : "";
  if (mode == "zoo") return Zoo(argument);
  if (mode == "seccomp") return Seccomp();
  if (mode == "share") return Share();
  if (mode == "userfault") return Userfault();
  if (mode == "zombie") return Zombie();
  if (mode == "huge") return Huge();
  if (mode == "family") return Family();
  if (mode == "traced") return Traced();
  if (mode == "personality") return Personality();
  if (mode == "mappings") return Mappings(strtoul(argument, nullptr, 10));
  if (mode == "threads") return Threads(strtol(argument, nullptr, 10));
  Ready();
  return UntilEnd();
}
