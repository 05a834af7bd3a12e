// SPDX-License-Identifier: MIT
#include "tests/unit/core/walk.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>

#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

Step random_step(rc::Random& random) {
  // Stops end a walk, so they are rare; what happens all day is frequent.
  static constexpr Step::Kind kFrequent[] = {
      Step::Kind::ready, Step::Kind::all_ready, Step::Kind::all_drained,   Step::Kind::time,
      Step::Kind::time,  Step::Kind::reload,    Step::Kind::template_ready};
  const std::uint64_t number = random.next();
  const auto choice = number % 48;
  auto kind = static_cast<Step::Kind>(choice % (static_cast<unsigned>(Step::Kind::last) + 1));
  if (choice >= 34) kind = kFrequent[(choice - 34) % std::size(kFrequent)];
  const bool stop = kind == Step::Kind::graceful_stop || kind == Step::Kind::quick_stop;
  if (stop && (number >> 40U) % 4 != 0) kind = Step::Kind::time;
  return {kind, static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number >> 16U)};
}

rc::Gen<Walk> walks() {
  return [](rc::Random random, int /*size*/) {
    static constexpr std::uint8_t kTimeouts[] = {0, 5, 30};
    const std::uint64_t number = random.next();
    Walk walk{number,
              1,
              1,
              1,
              kTimeouts[(number >> 24U) % 3],
              (number >> 28U) % 2 == 0,
              (number >> 30U) % 2 == 0,
              (number >> 31U) % 2 == 0,
              (number >> 36U) % 2 == 0,
              0,
              false,
              {}};
    walk.stop_delay = (number >> 34U) % 4 == 0 ? 3 : 0;
    walk.watchdog = (number >> 38U) % 4 == 0;
    walk.pools = static_cast<std::uint8_t>(1 + (number >> 8U) % 2);
    walk.workers = static_cast<std::uint8_t>(1 + (number >> 12U) % 4);
    walk.surge = static_cast<std::uint8_t>(1 + (number >> 16U) % 2);
    const auto length = 1 + (number >> 32U) % 60;
    for (std::uint64_t i = 0; i < length; ++i) walk.steps.push_back(random_step(random));
    return rc::shrinkable::shrinkRecur(std::move(walk), [](const Walk& failed) {
      return rc::seq::map(rc::shrink::removeChunks(failed.steps), [failed](std::vector<Step> steps) {
        Walk shorter = failed;
        shorter.steps = std::move(steps);
        return shorter;
      });
    });
  };
}

// What a sanitizer makes of a walk takes many times as long.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kShare = 10;
#else
constexpr int kShare = 1;
#endif

/// The seed is fixed, so that a failure comes back; GSERVE_WALK_SEED and GSERVE_WALKS (how many) explore
/// further.
rc::detail::TestParams walk_params(int count) {
  rc::detail::TestParams params;
  const char* seed = std::getenv("GSERVE_WALK_SEED");
  const char* more = std::getenv("GSERVE_WALKS");
  params.seed = seed != nullptr ? std::strtoull(seed, nullptr, 10) : 20;
  params.maxSuccess = more != nullptr ? std::atoi(more) : count / kShare;
  return params;
}

template <typename Property>
void check(int count, Property property) {
  const auto result = rc::detail::checkTestable(property, rc::detail::TestMetadata{}, walk_params(count));
  std::ostringstream message;
  rc::detail::printResultMessage(result, message);
  EXPECT_TRUE(result.template is<rc::detail::SuccessResult>()) << message.str();
}

TEST(RandomWalk, KeepsEveryInvariant) {
  check(10'000, [] {
    const Walk walk = *walks();
    const std::string broken = run(walk).broken;
    if (!broken.empty()) RC_FAIL(broken);
  });
}

TEST(RandomWalk, IsTheSameWhenItIsRepeated) {
  check(100, [] {
    const Walk walk = *walks();
    RC_ASSERT(run(walk).trace == run(walk).trace);
  });
}

TEST(RandomWalk, IsTheSameWhenEachEventFindsARestoredSupervisor) {
  check(1000, [] {
    const Walk walk = *walks();
    const Outcome carried = run(walk, {.carried_off = true});
    if (!carried.broken.empty()) RC_FAIL(carried.broken);
    RC_ASSERT(carried.trace == run(walk).trace);
  });
}

}  // namespace
}  // namespace gserve::core::testing
