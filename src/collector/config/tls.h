// The tls: settings of receivers and exporters, under the Collector's names (configtls).
#pragma once

#include <memory>
#include <string_view>

#include "collector/config/settings.h"
#include "net/tls.h"

namespace beleg::collector {

#define BELEG_CLIENT_TLS_SETTINGS                                                                      \
  {"tls.insecure", SettingType::kBool, "false",                                                        \
   "true: without TLS, where ca_file is not set and the endpoint is no https://"},                     \
      {"tls.ca_file", SettingType::kText, "",                                                          \
       "PEM: who may sign the server's certificate; default: the system's"},                           \
      {"tls.cert_file", SettingType::kText, "", "PEM: own certificate, for servers that ask for one"}, \
      {"tls.key_file", SettingType::kText, "", "PEM: its key"},                                        \
      {"tls.server_name_override", SettingType::kText, "",                                             \
       "the name that the server's certificate must have; default: the endpoint's host"},              \
      {"tls.insecure_skip_verify", SettingType::kBool, "false", "true: any certificate will do"},      \
      {"tls.min_version", SettingType::kText, "1.2", "oldest version of TLS", "1.2|1.3"}

// PREFIX: "protocols.grpc", a literal.
#define BELEG_SERVER_TLS_SETTINGS(PREFIX)                                                                   \
  {PREFIX ".tls", SettingType::kGroup, "", "when it is there: only with TLS"},                              \
      {PREFIX ".tls.cert_file", SettingType::kText, "", "PEM: the certificate and its chain"},              \
      {PREFIX ".tls.key_file", SettingType::kText, "", "PEM: its key"},                                     \
      {PREFIX ".tls.client_ca_file", SettingType::kText, "", "PEM: clients must show a certificate of it"}, \
      {PREFIX ".tls.min_version", SettingType::kText, "1.2", "oldest version of TLS", "1.2|1.3"}

// False when an exporter with this endpoint (with or without a scheme) sends in plain.
bool UsesTls(const Settings& settings, std::string_view endpoint);

// Null when the settings say without TLS. kInvalidArgument names the file that cannot be used.
Result<std::shared_ptr<const net::TlsContext>> ClientTls(const Settings& settings, std::string_view endpoint);
Result<std::shared_ptr<const net::TlsContext>> ServerTls(const Settings& settings, std::string_view prefix);

// What is missing is an error; a file that cannot be used on this machine a warning, since a configuration may be checked on
// another one.
void CheckClientTls(const Settings& settings, std::string_view endpoint, Problems& problems);
void CheckServerTls(const Settings& settings, std::string_view prefix, Problems& problems);

}  // namespace beleg::collector
