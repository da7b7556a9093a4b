// beleg emit: one synthetic span, to see that names and types are right before anything is deployed.

#include <cstdio>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "audit/emit.h"

namespace beleg::app {

void AddEmit(CLI::App& program, Action& action) {
  auto options = std::make_shared<audit::EmitOptions>();  // shared with the action, which runs after parsing
  CLI::App* command = program.add_subcommand("emit", "Print one test span, and send it if told where to");
  command->add_option("--endpoint", options->endpoint, "OTLP/HTTP, e.g. http://127.0.0.1:4318");
  command->add_option("--service", options->service, "service.name")->capture_default_str();
  command->add_option("--region", options->region, "deployment.region")->capture_default_str();
  command->add_option("--environment", options->environment, "deployment.environment")->capture_default_str();
  command->add_option("--model", options->model_id, "gen_ai.model.id")->capture_default_str();
  command->add_option("--prompt-tokens", options->prompt_tokens, "")->capture_default_str();
  command->add_option("--completion-tokens", options->completion_tokens, "")->capture_default_str();
  command->add_option("--finish-reason", options->finish_reason, "")->capture_default_str();
  command->callback([options, &action] {
    action = [options]() -> int {
      audit::EmittedSpan span = audit::MakeTestSpan(*options);
      if (!options->endpoint.empty()) {
        if (Result<void> sent = audit::SendSpan(*options, span); !sent) return Complain("emit", sent.error());
      }
      std::string text = audit::RenderConsole(span);
      fmt::print("{}{}", text, text.ends_with('\n') ? "" : "\n");
      return kExitOk;
    };
  });
}

}  // namespace beleg::app
