// Spins inside a restartable sequence, and counts how often the kernel sends it to the abort handler, where
// it starts again. Prints the addresses of the count, and of the sequence's start and end.
#include <stdint.h>
#include <stdio.h>
#include <sys/rseq.h>

volatile uint64_t aborts;
extern char spin_start[], spin_end[], spin_abort[];

struct sequence {
  uint32_t version, flags;
  uint64_t start, size, abort;
} __attribute__((aligned(32)));

static struct sequence sequence;

int main(void) {
  if (__rseq_size == 0) {
    printf("none\n");
    return 0;
  }
  volatile struct rseq* area = (struct rseq*)((char*)__builtin_thread_pointer() + __rseq_offset);
  sequence.start = (uint64_t)spin_start;
  sequence.size = (uint64_t)(spin_end - spin_start);
  sequence.abort = (uint64_t)spin_abort;
  printf("%llu %llu %llu\n", (unsigned long long)(uintptr_t)&aborts, (unsigned long long)sequence.start,
         (unsigned long long)(uintptr_t)spin_end);
  fflush(stdout);
  __asm__ volatile(
      "1:\n"
      "  mov %[sequence], %[area]\n"
      ".globl spin_start\nspin_start:\n"
      "  pause\n"
      "  jmp spin_start\n"
      ".globl spin_end\nspin_end:\n"
      // The signature that the kernel wants in front of an abort handler.
      "  .byte 0x0f, 0xb9, 0x3d\n  .long 0x53053053\n"
      ".globl spin_abort\nspin_abort:\n"
      "  incq aborts(%%rip)\n"
      "  jmp 1b\n"
      : [area] "+m"(area->rseq_cs)
      : [sequence] "r"(&sequence)
      : "memory");
  return 0;
}
