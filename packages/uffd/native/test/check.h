// The native tests' runner: one line for each test, a count at the end, exit status 1 when one failed.
#pragma once

#include <exception>
#include <functional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <vector>

namespace stillframe::test {

struct Skip : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Test {
  const char* name;
  void (*body)();
};

inline std::vector<Test>& Tests() {
  static std::vector<Test> tests;
  return tests;
}

struct Registered {
  Registered(const char* name, void (*body)()) { Tests().push_back({name, body}); }
};

inline void Expect(bool holds, const std::string& what,
                   std::source_location where = std::source_location::current()) {
  if (!holds) {
    throw std::runtime_error(what + " (" + where.file_name() + ":" + std::to_string(where.line()) + ")");
  }
}

/// Says what it saw only if it has to: a test compares millions of words.
template <typename A, typename B>
void ExpectEqual(const A& seen, const B& wanted, const std::string& what,
                 std::source_location where = std::source_location::current()) {
  if (seen == wanted) {
    return;
  }
  Expect(false, what + ": saw " + std::to_string(seen) + ", wanted " + std::to_string(wanted), where);
}

}  // namespace stillframe::test

#define STILLFRAME_TEST(name)                                                 \
  static void name();                                                         \
  static const ::stillframe::test::Registered name##_registered(#name, name); \
  static void name()
