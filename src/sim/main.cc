// sim: runs seeds of the simulation and prints what they covered. Exit status 1: a promise was broken.
//
//   sim [--seed FIRST] [--count N] [--shard I/N] [--mutation NAME] [--commit NAME]
//
// --shard I/N takes each Nth of these seeds, from the Ith (0-based) on, so that N processes share the work.
#include <malloc.h>

#include <csignal>
#include <ctime>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/log.h"
#include "sim/simulation.h"

namespace beleg::sim {
namespace {

constexpr uint64_t kFindingsMax = 10;

// The seed that runs, for who reads of a failed CHECK: a signal's handler gets no argument.
volatile uint64_t running_seed = 0;

void SayTheSeed(int) { fmt::print(stderr, "seed {} ended the process\n", uint64_t{running_seed}); }

struct Arguments {
  uint64_t seed = 1, count = 200, shard = 0, shards = 1;
  Mutation mutation = Mutation::kNone;
  std::string commit = "unknown";
};

bool ParseNumber(std::string_view text, uint64_t& number) {
  auto parsed = ParseUint64(text);
  if (parsed) number = *parsed;
  return parsed.has_value();
}

bool ParseOne(std::string_view name, std::string_view value, Arguments& arguments) {
  if (name == "--seed") return ParseNumber(value, arguments.seed);
  if (name == "--count") return ParseNumber(value, arguments.count);
  if (name == "--commit") return arguments.commit = value, true;
  if (name == "--mutation") return (arguments.mutation = MutationOf(value)) != Mutation::kNone;
  const size_t slash = value.find('/');
  return name == "--shard" && slash != value.npos && ParseNumber(value.substr(0, slash), arguments.shard) &&
         ParseNumber(value.substr(slash + 1), arguments.shards) && arguments.shard < arguments.shards;
}

bool Parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; i += 2)
    if (i + 1 == argc || !ParseOne(argv[i], argv[i + 1], arguments)) return false;
  return true;
}

void PrintStats(const Stats& stats) {
  for (const auto& [name, count] : stats.counts()) fmt::print("{:<36}{:>12}\n", name, count);
}

int Run(const Arguments& arguments) {
  const std::clock_t start = std::clock();  // of the processor: other programs do not count
  Stats stats;
  uint64_t ran = 0, found = 0;
  for (uint64_t i = arguments.shard; i < arguments.count && found < kFindingsMax; i += arguments.shards) {
    const uint64_t seed = arguments.seed + i;
    running_seed = seed;
    const Outcome outcome = Simulate(seed, arguments.mutation);
    stats.Add(outcome.stats);
    ++ran;
    if (!outcome.finding) continue;
    ++found;
    fmt::print("seed {}, commit {}: {}\n  again: make sim SEED={} N=1\n", seed, arguments.commit,
               *outcome.finding, seed);
  }
  PrintStats(stats);
  const double seconds = static_cast<double>(std::clock() - start + 1) / CLOCKS_PER_SEC;
  fmt::print("sim: {} seeds, {} with a finding, {:.1f} s of a core, {:.0f} seeds/s\n", ran, found, seconds,
             static_cast<double>(ran) / seconds);
  return found == 0 ? 0 : 1;
}

}  // namespace
}  // namespace beleg::sim

int main(int argc, char** argv) {
  beleg::sim::Arguments arguments;
  if (!beleg::sim::Parse(argc, argv, arguments)) {
    fmt::print(stderr,
               "usage: sim [--seed FIRST] [--count N] [--shard I/N] [--mutation NAME] [--commit NAME]\n");
    return 2;
  }
  beleg::SetLogLevel("off");
  // Files of half a megabyte come and go: their memory is not given back to the system in between.
  ::mallopt(M_MMAP_THRESHOLD, 64 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 256 << 20);
  std::signal(SIGABRT, beleg::sim::SayTheSeed);
  return beleg::sim::Run(arguments);
}
