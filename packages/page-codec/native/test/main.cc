// Every implementation that this processor can run, against a bit-by-bit reference that shares nothing with
// them. Buffers end where their allocation does, so that a read beyond is a finding of AddressSanitizer.
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "core/digest.h"
#include "core/implementation.h"
#include "core/zero_scan.h"
#include "test/check.h"
#include "test/packing.h"

namespace {

using namespace stillframe::codec;
using stillframe::test::Check;

/// From the definition (RFC 3720 appendix B.4): one bit at a time.
uint32_t Reference(uint32_t seed, const uint8_t* bytes, size_t size) {
  uint32_t state = ~seed;
  for (size_t i = 0; i < size; ++i) {
    state ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) state = (state & 1) != 0 ? state >> 1 ^ 0x82f63b78 : state >> 1;
  }
  return ~state;
}

/// `size` random bytes that begin `misalignment` bytes into an allocation and end with it.
class Bytes {
 public:
  Bytes(size_t size, size_t misalignment, uint32_t seed = 1)
      : size_(size), offset_(misalignment), memory_(new uint8_t[size + misalignment]) {
    std::mt19937 random(seed);
    for (size_t i = 0; i < size; ++i) data()[i] = static_cast<uint8_t>(random());
  }
  uint8_t* data() { return memory_.get() + offset_; }
  size_t size() const { return size_; }

 private:
  size_t size_;
  size_t offset_;
  std::unique_ptr<uint8_t[]> memory_;
};

std::string At(const Implementation& implementation, size_t size, size_t misalignment) {
  return std::string(implementation.name) + ", " + std::to_string(size) + " bytes at " +
         std::to_string(misalignment);
}

/// RFC 3720 appendix B.4: "CRC Examples"; the byte order there is that of the wire.
void KnownVectors(Check& check) {
  uint8_t zeros[32] = {};
  uint8_t ones[32];
  uint8_t up[32];
  uint8_t down[32];
  std::memset(ones, 0xff, sizeof ones);
  for (uint8_t i = 0; i < 32; ++i) {
    up[i] = i;
    down[i] = static_cast<uint8_t>(31 - i);
  }
  const uint8_t read_command[48] = {0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0,    0, 0, 0, 0,
                                    0x14, 0,    0, 0, 0, 0, 4, 0, 0,    0, 0, 0x14, 0, 0, 0, 0x18,
                                    0x28, 0,    0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0,    0, 0, 0, 0};
  for (const Implementation& it : AvailableImplementations()) {
    check.Equal(it.crc32c(0, zeros, 0), 0, At(it, 0, 0));
    check.Equal(it.crc32c(0, zeros, 32), 0x8a9136aa, "zeros");
    check.Equal(it.crc32c(0, ones, 32), 0x62a8ab43, "ones");
    check.Equal(it.crc32c(0, up, 32), 0x46dd794e, "0 to 31");
    check.Equal(it.crc32c(0, down, 32), 0x113fdb5c, "31 to 0");
    check.Equal(it.crc32c(0, read_command, 48), 0xd9963a56, "iSCSI read command");
  }
}

void EverySizeAndAlignment(Check& check) {
  for (const Implementation& it : AvailableImplementations()) {
    for (size_t size = 0; size <= 800; ++size) {
      const size_t misalignment = size % 64;
      Bytes bytes(size, misalignment);
      check.Equal(it.crc32c(0, bytes.data(), size), Reference(0, bytes.data(), size),
                  At(it, size, misalignment));
    }
    for (size_t misalignment = 0; misalignment < 64; ++misalignment) {
      Bytes bytes(300, misalignment);
      check.Equal(it.crc32c(0, bytes.data(), 300), Reference(0, bytes.data(), 300),
                  At(it, 300, misalignment));
    }
  }
}

/// One below, at and one above each size where an implementation changes its step.
void StepBoundaries(Check& check) {
  for (const Implementation& it : AvailableImplementations()) {
    for (size_t boundary : {8, 256, 384, 512, 768, 4096, 4096 + 256, 4096 + 384, 8192, 65536}) {
      for (size_t size : {boundary - 1, boundary, boundary + 1}) {
        Bytes bytes(size, 3);
        check.Equal(it.crc32c(7, bytes.data(), size), Reference(7, bytes.data(), size), At(it, size, 3));
      }
    }
  }
}

void ContinuesFromAnySeed(Check& check) {
  std::mt19937 random(2);
  for (const Implementation& it : AvailableImplementations()) {
    for (int i = 0; i < 200; ++i) {
      Bytes bytes(random() % 9000, random() % 64, static_cast<uint32_t>(i));
      const size_t cut = bytes.size() == 0 ? 0 : random() % bytes.size();
      const auto seed = static_cast<uint32_t>(random());
      const uint32_t first = it.crc32c(seed, bytes.data(), cut);
      check.Equal(it.crc32c(first, bytes.data() + cut, bytes.size() - cut),
                  Reference(seed, bytes.data(), bytes.size()), At(it, bytes.size(), cut));
    }
  }
}

void Units(Check& check) {
  for (const Implementation& it : AvailableImplementations()) {
    for (size_t misalignment = 0; misalignment < 64; ++misalignment) {
      Bytes bytes(kUnitBytes, misalignment, static_cast<uint32_t>(misalignment));
      check.Equal(it.crc32c_unit(bytes.data()), Reference(0, bytes.data(), kUnitBytes),
                  At(it, kUnitBytes, misalignment));
    }
  }
}

void DigestIsTheSumOfItsUnits(Check& check) {
  for (const Implementation& it : AvailableImplementations()) {
    for (size_t count : {0, 1, 2, 7}) {
      Bytes bytes(count * kUnitBytes, 5);
      uint64_t sum = 0;
      for (size_t i = 0; i < count; ++i) {
        sum += UnitTerm(3, 0xfffffffe + i, Reference(0, bytes.data() + i * kUnitBytes, kUnitBytes));
      }
      const RunDigest run = DigestRun(it, 0x12345678, 3, 0xfffffffe, bytes.data(), count);
      check.Equal(run.digest, sum, At(it, bytes.size(), 5) + ", digest");
      check.Equal(run.crc32c, Reference(0x12345678, bytes.data(), bytes.size()),
                  At(it, bytes.size(), 5) + ", CRC");
    }
  }
}

/// Under the address sanitizer also: that `terms` needs no more than two words a page.
void PagesAreDigestedOneByOne(Check& check) {
  for (const Implementation& it : AvailableImplementations()) {
    for (size_t units_per_page : {1, 3}) {
      constexpr size_t kPages = 4;
      Bytes bytes(kPages * units_per_page * kUnitBytes, 5);
      const std::string where = At(it, bytes.size(), 5);
      std::vector<uint32_t> terms(2 * kPages);
      const RunDigest all = DigestPages(it, 9, 3, 7, bytes.data(), kPages, units_per_page, terms.data());
      const RunDigest run = DigestRun(it, 9, 3, 7, bytes.data(), kPages * units_per_page);
      check.Equal(all.crc32c, run.crc32c, where + ", CRC");
      check.Equal(all.digest, run.digest, where + ", digest");
      for (size_t page = 0; page < kPages; ++page) {
        const size_t unit = page * units_per_page;
        const RunDigest one = DigestRun(it, 0, 3, 7 + unit, bytes.data() + unit * kUnitBytes, units_per_page);
        check.Equal(uint64_t{terms[2 * page + 1]} << 32 | terms[2 * page], one.digest, where + ", term");
      }
    }
  }
}

/// Expected values from the definition in FORMAT.md, worked out with arbitrary-precision integers.
void UnitTerms(Check& check) {
  const uint8_t zeros[kUnitBytes] = {};
  check.Equal(UnitTerm(1, 2, Reference(0, zeros, kUnitBytes)), 0, "a unit of zeros");
  check.Equal(UnitTerm(0, 0, 0), 0x48218226ff3cd4bf, "region 0, unit 0, CRC 0");
  check.Equal(UnitTerm(0xffffffff, 0x1fffffffffffff, 0xdeadbeef), 0xf68aa6758de235c2,
              "the largest region and unit");
}

void ZeroRuns(Check& check) {
  // A page with its only non-zero byte at each place in turn, between zero pages.
  constexpr size_t kPages = 3;
  for (size_t page_bytes : {size_t{16}, size_t{272}, kUnitBytes}) {
    for (size_t place = 0; place < page_bytes; ++place) {
      Bytes bytes(kPages * page_bytes, 8);
      std::memset(bytes.data(), 0, bytes.size());
      bytes.data()[page_bytes + place] = 0x80;
      uint32_t runs[kPages + 1] = {};
      check.Equal(FindZeroRuns(bytes.data(), page_bytes, kPages, runs), 4, "entries");
      const uint32_t expected[] = {0, 1, 1, 1};
      check.Equal(static_cast<uint64_t>(std::memcmp(runs, expected, sizeof expected)), 0,
                  "runs for byte " + std::to_string(place));
    }
  }
}

void ZeroRunsAtTheEdges(Check& check) {
  uint32_t runs[3] = {9, 9, 9};
  check.Equal(FindZeroRuns(nullptr, kUnitBytes, 0, runs), 0, "no pages");
  check.Equal(runs[0], 9, "nothing written for no pages");
  Bytes data(2 * kUnitBytes, 0);
  check.Equal(FindZeroRuns(data.data(), kUnitBytes, 2, runs), 1, "all data");
  check.Equal(runs[0], 2, "all data: length");
  std::memset(data.data(), 0, data.size());
  check.Equal(FindZeroRuns(data.data(), kUnitBytes, 2, runs), 2, "all zero");
  check.Equal(runs[0], 0, "all zero: no data first");
  check.Equal(runs[1], 2, "all zero: length");
}

/// The first use chooses the implementation: from several threads at once, under ThreadSanitizer.
void ManyThreads(Check& check) {
  Bytes bytes(16 * kUnitBytes, 0);
  const uint32_t expected = Reference(0, bytes.data(), bytes.size());
  uint32_t results[4] = {};
  std::vector<std::thread> threads;
  for (uint32_t& result : results) {
    threads.emplace_back([&] { result = DigestRun(BestImplementation(), 0, 0, 0, bytes.data(), 16).crc32c; });
  }
  for (std::thread& thread : threads) thread.join();
  for (uint32_t result : results) check.Equal(result, expected, "a thread's result");
}

}  // namespace

int main() {
  std::vector<stillframe::test::Test> tests = {
      {"many threads at once, first of all", ManyThreads},
      {"the vectors of RFC 3720", KnownVectors},
      {"every size to 800 bytes, every alignment", EverySizeAndAlignment},
      {"sizes around each step", StepBoundaries},
      {"continues from any seed, cut anywhere", ContinuesFromAnySeed},
      {"units at every alignment", Units},
      {"unit terms", UnitTerms},
      {"the digest of a run is the sum of its units", DigestIsTheSumOfItsUnits},
      {"what each page adds is told apart", PagesAreDigestedOneByOne},
      {"a single byte anywhere makes a page data", ZeroRuns},
      {"zero runs of none, all and no zero pages", ZeroRunsAtTheEdges},
  };
  for (const stillframe::test::Test& test : stillframe::test::PackingTests()) tests.push_back(test);
  return stillframe::test::RunAll(tests);
}
