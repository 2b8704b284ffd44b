// Only writes.
#include <stddef.h>

#include "target.h"

int main(int argc, char** argv) { return target_main(argc, argv, &(struct target){0}); }
