// A 32-bit program that waits, made without any library: cc -m32 -nostdlib -static.
static long call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
  return result;
}

void _start(void) {
  static const char ready[] = "{\"type\":\"ready\",\"pid\":0}\n";
  char byte;
  call(4, 1, (long)ready, sizeof ready - 1);
  while (call(3, 0, (long)&byte, 1) == 1) {
  }
  call(1, 0, 0, 0);
}
