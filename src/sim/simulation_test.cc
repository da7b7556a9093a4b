#include "sim/simulation.h"

#include <gtest/gtest.h>

#include "base/log.h"

namespace beleg::sim {
namespace {

class SimulationTest : public testing::Test {
 protected:
  SimulationTest() { SetLogLevel("off"); }
  ~SimulationTest() override { SetLogLevel("info"); }
};

TEST_F(SimulationTest, KeepsEveryPromiseOverManySeeds) {
  Stats stats;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const Outcome outcome = Simulate(seed);
    stats.Add(outcome.stats);
    ASSERT_FALSE(outcome.finding) << *outcome.finding << "\nagain: make sim SEED=" << seed << " N=1";
  }
  // What is never reached is not tested.
  for (const char* name : {"checks.recovery",
                           "export.sent_again",
                           "fault.answer_lost",
                           "fault.clock_set_back",
                           "fault.clock_set_forward",
                           "fault.eio",
                           "fault.enospc",
                           "fault.failed_folder_sync",
                           "fault.failed_sync",
                           "fault.full_disk",
                           "fault.kill",
                           "fault.power_cut",
                           "fault.read_error",
                           "fault.record_refused",
                           "fault.request_late",
                           "reached.begins_copied_forward",
                           "reached.bundle_compressed",
                           "reached.died_in_recovery",
                           "reached.end_waits_for_room",
                           "reached.index_block",
                           "reached.lost_requests",
                           "reached.orderly_end",
                           "reached.preempted",
                           "reached.publish_waits_for_room",
                           "reached.segment_removed",
                           "reached.tile_is_full",
                           "work.refused_for_room"})
    EXPECT_GT(stats.count(name), 0u) << name;
}

TEST_F(SimulationTest, IsAFunctionOfItsSeed) {
  EXPECT_EQ(Simulate(7).stats.counts(), Simulate(7).stats.counts());
}

TEST_F(SimulationTest, EveryMutationIsCaught) {
  for (Mutation mutation : kMutations) {
    uint64_t seed = 1;
    while (seed <= 300 && !Simulate(seed, mutation).finding) ++seed;
    EXPECT_LE(seed, 300u) << NameOf(mutation) << " is not seen";
  }
}

}  // namespace
}  // namespace beleg::sim
