// Tests of packing, unpacking and the pool.
#pragma once

#include <vector>

#include "test/check.h"

namespace stillframe::test {

std::vector<Test> PackingTests();

}  // namespace stillframe::test
