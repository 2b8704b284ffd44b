#include "core/implementation.h"

#include <array>

#include "core/crc32c.h"
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace stillframe::codec {
namespace {

struct Choice {
  std::array<Implementation, 3> list{};
  size_t count = 0;

  void Add(const Implementation& implementation) { list[count++] = implementation; }

  Choice() {
#if defined(__x86_64__)
    __builtin_cpu_init();  // Asks the operating system too whether it saves the wide registers.
    const bool sse42 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
    if (sse42 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq")) {
      Add({"x64-avx512", true, Crc32cAvx512, Crc32cUnitAvx512});
    }
    if (sse42) Add({"x64-sse4.2", true, Crc32cSse42, Crc32cUnitSse42});
#elif defined(__aarch64__)
    if ((getauxval(AT_HWCAP) & HWCAP_CRC32) != 0) Add({"arm64-crc", true, Crc32cArm64, Crc32cUnitArm64});
#endif
    Add({"portable", false, Crc32cPortable, Crc32cUnitPortable});
  }
};

}  // namespace

std::span<const Implementation> AvailableImplementations() {
  static const Choice choice;
  return {choice.list.data(), choice.count};
}

const Implementation& BestImplementation() { return AvailableImplementations().front(); }

}  // namespace stillframe::codec
