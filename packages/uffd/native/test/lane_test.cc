// Lanes of faults: both ends, over a pair of sockets. What breaks leaves nobody asleep.
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "kernel/memory.h"
#include "serve/fault_answerer.h"
#include "test/check.h"
#include "test/served.h"

namespace stillframe::test {
namespace {

struct Pair {
  Pair() {
    std::array<int, 2> fds{};
    Expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0, "socketpair");
    asks = UniqueFd(fds[0]);
    answers = UniqueFd(fds[1]);
  }
  UniqueFd asks;
  UniqueFd answers;
};

/// What the source has: as `Served` expects it, behind `skipped` pages of something else.
struct SourceMemory {
  explicit SourceMemory(uint64_t pages, uint64_t skipped = 0) : bytes((pages + skipped) * kPage, 255) {
    for (uint64_t page = 0; page < pages; ++page) {
      std::memset(bytes.data() + (skipped + page) * kPage, ByteOf(page), kPage);
    }
  }
  std::vector<AnsweredRegion> Regions() const {
    return {{reinterpret_cast<uintptr_t>(bytes.data()), bytes.size(), kPage}};
  }
  std::vector<unsigned char> bytes;
};

FaultHead QuestionOf(uint64_t page) {
  FaultHead head{.region = 0, .tag = 7, .page = page};
  head.head_crc32c = HeadCrc(head);
  return head;
}

bool ReceiveAll(int fd, void* into, size_t size_bytes) {
  return recv(fd, into, size_bytes, MSG_WAITALL) == static_cast<ssize_t>(size_bytes);
}

/// Answers with what `spoil` makes of each right answer.
template <typename Spoil>
std::thread Spoiler(int fd, Spoil spoil) {
  return std::thread([fd, spoil] {
    FaultHead head;
    if (!ReceiveAll(fd, &head, sizeof head)) {
      return;
    }
    std::vector<unsigned char> page(kPage, ByteOf(head.page));
    head.page_bytes = kPage;
    head.page_crc32c = Crc32c(page.data(), kPage);
    spoil(head, page);
    static_cast<void>(send(fd, &head, sizeof head, MSG_NOSIGNAL));
    static_cast<void>(send(fd, page.data(), page.size(), MSG_NOSIGNAL));
  });
}

template <typename Spoil>
void ExpectRefused(Spoil spoil) {
  Pair pair;
  Served served(8);
  Filler filler(*served.server);
  std::thread spoiler = Spoiler(pair.answers.get(), spoil);
  Expect(served.server->AskOn(std::move(pair.asks), {{.region = 0, .first_page = 0}}), "AskOn");
  TouchAll(served, 8, 3);
  spoiler.join();
  ExpectEqual(served.server->Counters().lane_pages.load(), uint64_t{0}, "pages of the lane");
  ExpectEqual(served.server->MissingCount(), uint64_t{0}, "missing");
}

}  // namespace

STILLFRAME_TEST(lane_brings_pages_without_fillers) {
  constexpr uint64_t kPages = 512;
  constexpr uint64_t kSkipped = 3;
  Pair pair;
  const SourceMemory source(kPages, kSkipped);
  FaultAnswerer answerer(std::move(pair.answers), {}, source.Regions());
  answerer.Serve();
  Served served(kPages);
  Expect(served.server->AskOn(std::move(pair.asks), {{.region = 0, .first_page = kSkipped}}), "AskOn");
  std::thread other([&] { TouchAll(served, kPages, kPages / 2); });
  TouchAll(served, kPages, 0);
  other.join();
  ExpectEqual(served.server->MissingCount(), uint64_t{0}, "missing");
  const std::vector<Arrival> arrivals = served.server->TakeArrivals();
  ExpectEqual(arrivals.size(), size_t{kPages}, "arrivals");
  for (const Arrival& arrival : arrivals) {
    const void* page = source.bytes.data() + (kSkipped + arrival.page) * kPage;
    ExpectEqual(arrival.crc32c, Crc32c(page, kPage), "CRC");
  }
  ExpectEqual(served.server->TakeArrivals().size(), size_t{0}, "taken twice");
  ExpectEqual(answerer.Pages(), kPages, "answers");
}

STILLFRAME_TEST(lane_beside_a_filler_that_brings_everything) {
  constexpr uint64_t kPages = 1024;
  Pair pair;
  const SourceMemory source(kPages);
  FaultAnswerer answerer(std::move(pair.answers), {}, source.Regions());
  answerer.Serve();
  Served served(kPages);
  Filler filler(*served.server);
  Expect(served.server->AskOn(std::move(pair.asks), {{.region = 0, .first_page = 0}}), "AskOn");
  served.server->Prefetch({}, 1e9);
  std::thread other([&] { TouchAll(served, kPages, kPages / 2); });
  TouchAll(served, kPages, 0);
  other.join();
  ExpectEqual(served.server->MissingCount(), uint64_t{0}, "missing");
}

STILLFRAME_TEST(lane_that_breaks_leaves_its_pages_to_the_fillers) {
  constexpr uint64_t kPages = 256;
  Pair pair;
  const SourceMemory source(kPages);
  FaultAnswerer answerer(std::move(pair.answers), {}, source.Regions());
  Served served(kPages);
  Expect(served.server->AskOn(std::move(pair.asks), {{.region = 0, .first_page = 0}}), "AskOn");
  // Nobody answers: the question is on its way when the lane goes.
  std::thread toucher([&] { TouchAll(served, kPages, 0); });
  while (served.server->Counters().fault_pages.load() == 0) {
    std::this_thread::yield();
  }
  Filler filler(*served.server);
  answerer.Close();
  toucher.join();
  ExpectEqual(served.server->MissingCount(), uint64_t{0}, "missing");
}

STILLFRAME_TEST(lane_another_one_takes_the_place_of_the_first) {
  constexpr uint64_t kPages = 64;
  Pair deaf;
  Pair pair;
  const SourceMemory source(kPages);
  FaultAnswerer answerer(std::move(pair.answers), {}, source.Regions());
  answerer.Serve();
  Served served(kPages);
  Filler filler(*served.server);
  Expect(served.server->AskOn(std::move(deaf.asks), {{.region = 0, .first_page = 0}}), "the first");
  std::thread toucher([&] { TouchAll(served, kPages, 0); });
  while (served.server->Counters().fault_pages.load() == 0) {
    std::this_thread::yield();
  }
  Expect(served.server->AskOn(std::move(pair.asks), {{.region = 0, .first_page = 0}}), "the second");
  toucher.join();
  ExpectEqual(answerer.Pages(), kPages - 1, "all but the one that was asked for on the first");
}

STILLFRAME_TEST(lane_answers_that_were_not_asked_for_are_not_installed) {
  ExpectRefused([](FaultHead& head, std::vector<unsigned char>& page) {
    head.head_crc32c = HeadCrc(head);
    page[17] ^= 1;
  });
  ExpectRefused([](FaultHead& head, std::vector<unsigned char>&) { head.head_crc32c = ~HeadCrc(head); });
  ExpectRefused([](FaultHead& head, std::vector<unsigned char>&) {
    head.tag = 1;
    head.head_crc32c = HeadCrc(head);
  });
  ExpectRefused([](FaultHead& head, std::vector<unsigned char>&) {
    head.page = 8;
    head.head_crc32c = HeadCrc(head);
  });
  ExpectRefused([](FaultHead& head, std::vector<unsigned char>&) {
    head.reserved = 1;
    head.head_crc32c = HeadCrc(head);
  });
  ExpectRefused([](FaultHead& head, std::vector<unsigned char>&) {
    head.page_bytes = 2 * kPage;
    head.head_crc32c = HeadCrc(head);
  });
}

STILLFRAME_TEST(lane_needs_a_place_for_each_region) {
  Pair pair;
  Served served(8);
  Expect(!served.server->AskOn(std::move(pair.asks), {}), "none");
}

STILLFRAME_TEST(answerer_reads_nothing_before_it_may) {
  Pair pair;
  SourceMemory source(4);
  FaultAnswerer answerer(std::move(pair.answers), {std::byte{42}}, source.Regions());
  unsigned char greeting = 0;
  Expect(ReceiveAll(pair.asks.get(), &greeting, 1), "the greeting");
  ExpectEqual(int{greeting}, 42, "the greeting");
  const FaultHead question = QuestionOf(2);
  Expect(send(pair.asks.get(), &question, sizeof question, 0) == sizeof question, "send");
  std::memset(source.bytes.data() + 2 * kPage, 99, kPage);
  answerer.Serve();
  FaultHead answer;
  std::vector<unsigned char> page(kPage);
  Expect(ReceiveAll(pair.asks.get(), &answer, sizeof answer), "an answer");
  Expect(ReceiveAll(pair.asks.get(), page.data(), kPage), "a page");
  ExpectEqual(int{page[5]}, 99, "as it is when it may be read");
  ExpectEqual(answer.tag, 7U, "the tag");
  ExpectEqual(answer.page_crc32c, Crc32c(page.data(), kPage), "the CRC");
}

STILLFRAME_TEST(answerer_ends_for_questions_that_make_no_sense) {
  const auto ends = [](FaultHead question) {
    Pair pair;
    const SourceMemory source(4);
    FaultAnswerer answerer(std::move(pair.answers), {}, source.Regions());
    answerer.Serve();
    Expect(send(pair.asks.get(), &question, sizeof question, 0) == sizeof question, "send");
    char byte = 0;
    ExpectEqual(recv(pair.asks.get(), &byte, 1, 0), ssize_t{0}, "the end");
    Expect(answerer.Lost(), "lost");
  };
  ends(QuestionOf(4));
  ends(QuestionOf(~uint64_t{0}));
  FaultHead spoilt = QuestionOf(1);
  spoilt.page = 2;
  ends(spoilt);
  FaultHead reserved = QuestionOf(1);
  reserved.reserved = 1;
  reserved.head_crc32c = HeadCrc(reserved);
  ends(reserved);
  FaultHead elsewhere = QuestionOf(1);
  elsewhere.region = 1;
  elsewhere.head_crc32c = HeadCrc(elsewhere);
  ends(elsewhere);
}

STILLFRAME_TEST(answerer_is_closed_in_the_middle_of_an_answer_that_nobody_takes) {
  Pair pair;
  const SourceMemory source(4096);
  FaultAnswerer answerer(std::move(pair.answers), {}, source.Regions());
  answerer.Serve();
  for (uint64_t page = 0; page < 200; ++page) {
    const FaultHead question = QuestionOf(page);
    static_cast<void>(send(pair.asks.get(), &question, sizeof question, MSG_DONTWAIT | MSG_NOSIGNAL));
  }
  answerer.Close();
  Expect(answerer.Lost(), "lost");
}

}  // namespace stillframe::test
