// The smallest test runner that keeps the contract of `native-test`: a line for each test, then the tally.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace stillframe::test {

/// Collects what goes wrong in one test; the first complaint is reported.
class Check {
 public:
  void Equal(uint64_t actual, uint64_t expected, const std::string& what) {
    if (actual == expected || !complaint_.empty()) return;
    char numbers[80];
    std::snprintf(numbers, sizeof numbers, ": 0x%llx, not 0x%llx", static_cast<unsigned long long>(actual),
                  static_cast<unsigned long long>(expected));
    complaint_ = what + numbers;
  }

  const std::string& complaint() const { return complaint_; }

 private:
  std::string complaint_;
};

struct Test {
  const char* name;
  void (*run)(Check&);
};

/// Prints the results; the exit code of the program.
inline int RunAll(const std::vector<Test>& tests) {
  int passed = 0;
  int failed = 0;
  for (const Test& test : tests) {
    Check check;
    test.run(check);
    if (check.complaint().empty()) {
      ++passed;
      std::printf("ok %s\n", test.name);
    } else {
      ++failed;
      std::printf("not ok %s: %s\n", test.name, check.complaint().c_str());
    }
    std::fflush(stdout);
  }
  std::printf("%d passed, %d failed, 0 skipped\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace stillframe::test
