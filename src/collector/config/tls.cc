#include "collector/config/tls.h"

namespace beleg::collector {
namespace {

net::TlsVersion VersionOf(const std::string& text) {
  return text == "1.3" ? net::TlsVersion::k13 : net::TlsVersion::k12;
}

// A certificate is of no use without its key, nor a key without its certificate. False when that is told.
bool CheckPair(const Settings& settings, const std::string& tls, bool required, Problems& problems) {
  std::string certificate = tls + ".cert_file", key = tls + ".key_file";
  bool has_certificate = !settings.Text(certificate).empty(), has_key = !settings.Text(key).empty();
  if (has_certificate == has_key && (has_key || !required)) return true;
  const std::string& there = has_certificate ? certificate : has_key ? key : tls;
  problems.Error(settings.mark(there), "{}: must include both certificate and key (cert_file and key_file)",
                 settings.Name(tls));
  return false;
}

void WarnUnless(const Result<std::shared_ptr<const net::TlsContext>>& context, const Settings& settings,
                std::string_view path, Problems& problems) {
  if (!context)
    problems.Warn(settings.mark(path), "it could not start on this machine: {}", context.error().message);
}

}  // namespace

bool UsesTls(const Settings& settings, std::string_view endpoint) {
  if (endpoint.starts_with("http://")) return false;
  if (endpoint.starts_with("https://")) return true;
  return !settings.Bool("tls.insecure") || !settings.Text("tls.ca_file").empty();
}

Result<std::shared_ptr<const net::TlsContext>> ClientTls(const Settings& settings,
                                                         std::string_view endpoint) {
  if (!UsesTls(settings, endpoint)) return std::shared_ptr<const net::TlsContext>();
  net::TlsContext::ClientOptions options;
  options.ca_file = settings.Text("tls.ca_file");
  options.certificate_file = settings.Text("tls.cert_file");
  options.key_file = settings.Text("tls.key_file");
  options.server_name = settings.Text("tls.server_name_override");
  options.skip_verify = settings.Bool("tls.insecure_skip_verify");
  options.version_min = VersionOf(settings.Text("tls.min_version"));
  auto context = net::TlsContext::Client(options);
  if (!context) return Fail(std::move(context.error()), "{}::tls", settings.where());
  return context;
}

Result<std::shared_ptr<const net::TlsContext>> ServerTls(const Settings& settings, std::string_view prefix) {
  std::string tls = fmt::format("{}.tls", prefix);
  if (!settings.Has(tls)) return std::shared_ptr<const net::TlsContext>();
  net::TlsContext::ServerOptions options;
  options.certificate_file = settings.Text(tls + ".cert_file");
  options.key_file = settings.Text(tls + ".key_file");
  options.client_ca_file = settings.Text(tls + ".client_ca_file");
  options.version_min = VersionOf(settings.Text(tls + ".min_version"));
  auto context = net::TlsContext::Server(options);
  if (!context) return Fail(std::move(context.error()), "{}::tls", settings.where());
  return context;
}

void CheckClientTls(const Settings& settings, std::string_view endpoint, Problems& problems) {
  if (!CheckPair(settings, "tls", false, problems)) return;
  std::string_view path = settings.Has("tls.ca_file") ? "tls.ca_file" : "tls.cert_file";
  if (!settings.Has(path)) return;
  if (UsesTls(settings, endpoint))
    WarnUnless(ClientTls(settings, endpoint), settings, path, problems);
  else
    problems.Warn(settings.mark(path), "{}::tls: changes nothing: {} is sent to without TLS",
                  settings.where(), endpoint);
}

void CheckServerTls(const Settings& settings, std::string_view prefix, Problems& problems) {
  std::string tls = fmt::format("{}.tls", prefix);
  if (!settings.Has(tls) || !CheckPair(settings, tls, true, problems)) return;
  WarnUnless(ServerTls(settings, prefix), settings, tls + ".cert_file", problems);
}

}  // namespace beleg::collector
