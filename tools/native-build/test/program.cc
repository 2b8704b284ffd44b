// A native test program that breaks its contract in the way its argument names.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "core/number.h"

int shared_number = 0;

int main(int argc, char** argv) {
  const std::string fault = argc > 1 ? argv[1] : "";
  const auto* volatile small = new int[5]{};
  int volatile index = 5;
  int volatile largest = 2147483647;
  if (fault == "heap overflow") std::printf("%d\n", small[index]);
  if (fault == "overflow") std::printf("%d\n", largest + 1);
  if (fault == "race") {
    std::thread other([] { shared_number = 1; });
    shared_number = 2;
    other.join();
  }
  delete[] small;
  if (fault == "hang") {
    if (fork() == 0) pause();
    pause();
  }
  if (fault == "no test") {
    std::puts("0 passed, 0 failed, 0 skipped");
    return 0;
  }
  std::printf("ok the number is %d\n", kNumber);
  std::puts("skip on paper: no paper");
  if (fault == "silent end") return 0;
  if (fault == "failure" || fault == "lie") {
    std::puts("not ok a test: because");
    std::puts("1 passed, 1 failed, 1 skipped");
    return fault == "lie" ? 0 : 1;
  }
  std::puts("1 passed, 0 failed, 1 skipped");
  std::fflush(stdout);
  // Holds our output open after we have ended.
  if (fault == "orphan" && fork() == 0) pause();
  return fault == "exit code" ? 3 : 0;
}
