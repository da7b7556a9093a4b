// For tests only: a key and a certificate made on the spot.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "net/tls.h"

namespace beleg::net {

// A key and a certificate for "localhost" and 127.0.0.1, signed by itself.
class SelfSigned {
 public:
  SelfSigned()
      : folder_(std::filesystem::temp_directory_path() /
                fmt::format("tls-test-{}-{}", ::getpid(), fmt::ptr(this))) {
    std::filesystem::create_directory(folder_);
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3'600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1,
                               -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(certificate, key, EVP_sha256());
    std::FILE* file = std::fopen(certificate_file().c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    file = std::fopen(key_file().c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ~SelfSigned() { std::filesystem::remove_all(folder_); }

  std::string certificate_file() const { return folder_ / "certificate.pem"; }
  std::string key_file() const { return folder_ / "key.pem"; }
  std::shared_ptr<const TlsContext> server(std::string client_ca_file = "") const {
    auto context = TlsContext::Server({certificate_file(), key_file(), std::move(client_ca_file)});
    EXPECT_TRUE(context.has_value()) << context.error().message;
    return *context;
  }
  std::shared_ptr<const TlsContext> client() const {
    auto context = TlsContext::Client({.ca_file = certificate_file()});
    EXPECT_TRUE(context.has_value()) << context.error().message;
    return *context;
  }

 private:
  const std::filesystem::path folder_;
};

}  // namespace beleg::net
