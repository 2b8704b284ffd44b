#include <cstdio>
#include <cstring>

#include "test/check.h"

int main(int argc, char** argv) {
  using stillframe::test::Skip;
  const char* only = argc > 1 ? argv[1] : "";
  int passed = 0;
  int failed = 0;
  int skipped = 0;
  for (const auto& test : stillframe::test::Tests()) {
    if (std::strstr(test.name, only) == nullptr) {
      continue;
    }
    try {
      test.body();
      ++passed;
      std::printf("ok %s\n", test.name);
    } catch (const Skip& why) {
      ++skipped;
      std::printf("skip %s: %s\n", test.name, why.what());
    } catch (const std::exception& why) {
      ++failed;
      std::printf("not ok %s: %s\n", test.name, why.what());
    }
    std::fflush(stdout);
  }
  std::printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
  return failed == 0 && passed > 0 ? 0 : 1;
}
