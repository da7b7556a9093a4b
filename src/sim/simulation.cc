#include "sim/simulation.h"

#include "sim/checks.h"
#include "sim/model.h"
#include "sim/peer.h"
#include "sim/server.h"
#include "sim/world.h"

namespace beleg::sim {
namespace {

class Simulation {
 public:
  Simulation(uint64_t seed, Mutation mutation) : world_(seed), mutation_(mutation) {}

  Outcome Run() {
    for (uint64_t life = 1; life <= world_.profile().lives && !world_.finding(); ++life) {
      Live(life);
      if (!world_.finding()) LookAtTheDisk();
    }
    if (!world_.finding()) LiveTheLast();
    return {world_.finding(), world_.stats};
  }

 private:
  void Live(uint64_t life) {
    world_.stats.Count("work.lives");
    world_.DrawDiskTrouble();
    JumpClock();
    Server server(world_, model_, peer_, mutation_, life);
    if (server.Start())
      Work(server);
    else
      world_.stats.Count(world_.disk.is_dead() ? "reached.died_in_recovery" : "reached.start_refused");
    Die();
  }

  void JumpClock() {
    if (!world_.Happens(world_.profile().clock_jumps)) return;
    const bool is_back = world_.Below(2) == 0;
    const auto us = static_cast<int64_t>(world_.Below(3'600'000'000));
    world_.clock.JumpMicros(is_back ? -us : us);
    world_.stats.Count(is_back ? "fault.clock_set_back" : "fault.clock_set_forward");
  }

  void Work(Server& server) {
    const uint64_t steps = 1 + world_.Below(world_.Below(2) == 0 ? 8 : world_.profile().steps_max);
    const bool fills = world_.Happens(world_.profile().full_disks);
    const uint64_t full_from = fills ? world_.Below(steps) : steps, full_to = full_from + world_.Below(steps);
    for (uint64_t step = 0; step < steps; ++step) {
      if (step == full_from) world_.FillDisk();
      if (step == full_to) world_.EmptyDisk();
      if (!server.Step()) return;
    }
    if (world_.Happens(world_.profile().orderly_ends)) server.Stop();
  }

  // The server object is destroyed after its process died: what its destructors do has no effect.
  void Die() {
    if (world_.Below(2) == 0) {
      world_.stats.Count("fault.power_cut");
      world_.disk.CutPower();
    } else {
      world_.stats.Count("fault.kill");
      world_.disk.Kill();
    }
  }

  // Not always, since a check's recovery spares the next life its own.
  void LookAtTheDisk() {
    CheckPublicFiles(world_, model_, world_.Below(3) == 0);
    if (world_.Below(3) != 0) return;
    world_.Heal();
    if (world_.Below(4) == 0) world_.disk.CutPower();
    CheckRecovery(world_, model_);
  }

  void LiveTheLast() {
    world_.Heal();
    world_.ForbidPreemption();
    world_.disk.CutPower();
    peer_.HealNetwork();
    Server server(world_, model_, peer_, mutation_, world_.profile().lives + 1);
    if (!server.Start())
      return world_.Find("the last boot does not come up on a disk that works: {}", server.why_it_ended());
    server.Drain();
    if (!world_.finding()) CheckLog(world_, model_, *server.core());
    world_.disk.Kill();
  }

  World world_;
  Model model_{world_};
  Peer peer_{world_, model_};
  const Mutation mutation_;
};

}  // namespace

Outcome Simulate(uint64_t seed, Mutation mutation) { return Simulation(seed, mutation).Run(); }

}  // namespace beleg::sim
