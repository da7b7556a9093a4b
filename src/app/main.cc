// beleg: self-hosted LLM inference in which every request leaves a record that a stranger can check.
// One binary; each subcommand is wired together in a file of its own.

#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/build_commit.h"
#include "app/command.h"
#include "app/invocation.h"
#include "base/log.h"

int main(int argc, char** argv) {
  CLI::App program(
      "Self-hosted LLM inference in which every request leaves a record that a stranger can check.", "beleg");
  program.set_version_flag("--version", fmt::format("{} ({})", BELEG_VERSION, beleg::app::BuildCommit()));
  program.require_subcommand(1);
  std::string log_level = "info";
  program.add_option("--log-level", log_level, "debug, info, warn, error or off")->capture_default_str();

  beleg::app::Action action;
  beleg::app::AddUp(program, action);
  beleg::app::AddServe(program, action);
  beleg::app::AddStore(program, action);
  beleg::app::AddWitness(program, action);
  beleg::app::AddAudit(program, action);
  beleg::app::AddEmit(program, action);
  beleg::app::AddCollector(program, action);
  beleg::app::AddLedger(program, action);
  for (CLI::App* command : program.get_subcommands({}))
    command->add_option("--log-level", log_level, "As before the command");
  auto arguments = beleg::app::OwnArguments({argv, argv + argc});
  if (!arguments) {
    std::fprintf(stderr, "beleg: %s\n", arguments.error().message.c_str());
    return beleg::app::kExitError;
  }
  try {
    // CLI11 takes the arguments without the program's name, last first.
    program.parse(std::vector<std::string>(arguments->rbegin(), arguments->rend() - 1));
    if (!beleg::SetLogLevel(log_level)) {
      std::fprintf(stderr, "beleg: --log-level %s: not one of debug, info, warn, error, off\n",
                   log_level.c_str());
      return beleg::app::kExitError;
    }
    return action();
  } catch (const CLI::ParseError& error) {
    // What follows from a word that nobody knows is not worth saying.
    std::vector<std::string> unknown = program.remaining(true);
    if (error.get_exit_code() == 0 || unknown.empty()) {
      int code = program.exit(error);
      return code == 0 ? beleg::app::kExitOk : beleg::app::kExitError;
    }
    std::fprintf(stderr, "beleg: not understood: %s\nRun with --help for more information.\n",
                 CLI::detail::join(unknown, " ").c_str());
    return beleg::app::kExitError;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "beleg: %s\n", error.what());
    return beleg::app::kExitError;
  }
}
