#include "collector/receivers/prometheus/prometheus.h"

#include "base/log.h"
#include "base/thread.h"
#include "collector/config/config.h"
#include "collector/receivers/intake.h"
#include "net/http_client.h"
#include "wire/prometheus_text.h"

namespace beleg::collector {
namespace {

using std::chrono::microseconds;

constexpr Setting kStatic[] = {
    {"targets", SettingType::kTexts, "", "host:port of each"},
    {"labels", SettingType::kTextMap, "", "added to the resource"},
};
constexpr Setting kScrape[] = {
    {"job_name", SettingType::kText, "", "becomes service.name"},
    {"scrape_interval", SettingType::kDuration, "0s", "0: that of global"},
    {"scrape_timeout", SettingType::kDuration, "10s", "of one read, at most the interval"},
    {"metrics_path", SettingType::kText, "/metrics", "what is read"},
    {"scheme", SettingType::kText, "http", "how", "http"},
    {"authorization.credentials", SettingType::kText, "", "bearer token"},
    {"static_configs", SettingType::kList, "", "the targets", "", kStatic},
};
constexpr Setting kTable[] = {
    {"config.global.scrape_interval", SettingType::kDuration, "1m", "how often"},
    {"config.global.evaluation_interval", SettingType::kDuration, "1m", "of rules", "", {}, true},
    {"config.scrape_configs", SettingType::kList, "", "jobs, as in a Prometheus configuration", "", kScrape},
};
constexpr size_t kTargetsMax = 64;  // each has a thread
constexpr size_t kScrapeBytesMax = 16 << 20;

struct Target {
  std::string job, address, path, token;
  std::vector<std::pair<std::string, std::string>> labels;
  microseconds interval, timeout;
};

std::vector<Target> TargetsOf(const Settings& settings) {
  std::vector<Target> out;
  for (const Settings& job : settings.List("config.scrape_configs")) {
    microseconds interval = job.Duration("scrape_interval");
    if (interval.count() == 0) interval = settings.Duration("config.global.scrape_interval");
    for (const Settings& group : job.List("static_configs"))
      for (const std::string& address : group.Texts("targets"))
        out.push_back({job.Text("job_name"), address, job.Text("metrics_path"),
                       job.Text("authorization.credentials"), group.TextMap("labels"), interval,
                       std::min(interval, job.Duration("scrape_timeout"))});
  }
  return out;
}

wire::otlp::Attributes ResourceOf(const Target& target) {
  wire::otlp::Attributes out = {{"service.name", target.job}, {"service.instance.id", target.address}};
  if (auto where = ParseHostPort(target.address)) {
    out.push_back({"server.address", where->host});
    out.push_back({"server.port", std::to_string(where->port)});
  }
  out.push_back({"url.scheme", "http"});
  for (const auto& [name, value] : target.labels) out.push_back({name, value});
  return out;
}

void AddGauge(std::vector<wire::PrometheusFamily>& families, std::string name, std::string help,
              double value) {
  wire::PrometheusSample sample;
  sample.name = name;
  sample.value = value;
  families.push_back({std::move(name), std::move(help), wire::PrometheusType::kGauge, {std::move(sample)}});
}

// Since when a process counts: what it says itself, else when it was first seen.
int64_t StartOf(const std::vector<wire::PrometheusFamily>& families, int64_t first_seen_ns) {
  for (const wire::PrometheusFamily& family : families)
    if (family.name == "process_start_time_seconds" && !family.samples.empty() && family.samples[0].value > 0)
      return static_cast<int64_t>(family.samples[0].value * 1e9);
  return first_seen_ns;
}

class Scraper {
 public:
  Scraper(Target target, Intake& intake, const Clock& clock)
      : target_(std::move(target)), resource_(ResourceOf(target_)), intake_(intake), clock_(clock) {}

  ~Scraper() { Stop(); }

  Result<void> Start() {
    net::HttpClient::Options options;
    options.request_timeout = std::chrono::duration_cast<std::chrono::milliseconds>(target_.timeout);
    options.connect_timeout = options.request_timeout;
    options.response_bytes_max = kScrapeBytesMax;
    TRY_ASSIGN(client_, net::HttpClient::Open("http://" + target_.address, options));
    first_seen_ns_ = clock_.UnixMicros() * 1'000;
    thread_ = Thread("scrape", [this](std::stop_token stop) { Run(stop); });
    return {};
  }

  void Stop() {
    if (!thread_.joinable()) return;
    thread_.RequestStop();
    client_->Cancel();
    {
      MutexLock lock(mutex_);
      wake_.NotifyAll();
    }
    thread_.Join();
  }

 private:
  void Run(std::stop_token stop) {
    auto next = std::chrono::steady_clock::now();
    while (!stop.stop_requested()) {
      Scrape();
      next += target_.interval;
      MutexLock lock(mutex_);
      while (!stop.stop_requested()) {
        auto left = std::chrono::duration_cast<microseconds>(next - std::chrono::steady_clock::now());
        if (left.count() <= 0) break;
        wake_.WaitFor(mutex_, left);
      }
    }
  }

  void Scrape() {
    int64_t begun_us = clock_.MonoMicros();
    wire::PrometheusScrape scrape{resource_, clock_.UnixMicros() * 1'000, 0};
    Result<std::vector<wire::PrometheusFamily>> read = Read();
    bool up = read.has_value();
    if (up != up_.value_or(!up)) {
      if (up)
        LOG_INFO("collector.scrape_up", F("target", target_.address));
      else
        LOG_WARN("collector.scrape_down", F("target", target_.address), F("why", read.error().message));
    }
    up_ = up;
    std::vector<wire::PrometheusFamily> families =
        up ? std::move(*read) : std::vector<wire::PrometheusFamily>{};
    scrape.start_unix_ns = StartOf(families, first_seen_ns_);
    size_t samples = 0;
    for (const wire::PrometheusFamily& family : families) samples += family.samples.size();
    AddGauge(families, "up", "The scraping was successful", up ? 1 : 0);
    AddGauge(families, "scrape_duration_seconds", "Duration of the scrape",
             static_cast<double>(clock_.MonoMicros() - begun_us) / 1e6);
    AddGauge(families, "scrape_samples_scraped", "The number of samples the target exposed",
             static_cast<double>(samples));
    if (Result<void> taken = intake_.Take(Signal::kMetrics, wire::EncodePrometheus(families, scrape)); !taken)
      LOG_WARN("collector.scrape_refused", F("target", target_.address), F("why", taken.error().message));
  }

  Result<std::vector<wire::PrometheusFamily>> Read() {
    net::HttpHeaders headers{{"accept", "text/plain;version=0.0.4"}};
    if (!target_.token.empty()) headers.Add("authorization", "Bearer " + target_.token);
    TRY_ASSIGN(net::HttpResponse response, client_->Get(target_.path, std::move(headers)));
    if (response.status != 200) return Fail(ErrorCode::kUnavailable, "HTTP status {}", response.status);
    return wire::ParsePrometheusText(response.body);
  }

  const Target target_;
  const wire::otlp::Attributes resource_;
  Intake& intake_;
  const Clock& clock_;
  std::unique_ptr<net::HttpClient> client_;
  int64_t first_seen_ns_ = 0;
  std::optional<bool> up_;
  Mutex mutex_;
  CondVar wake_;
  Thread thread_;
};

class Prometheus final : public Receiver {
 public:
  Prometheus(const std::string& id, const Settings& settings, const Outputs& outputs, const World& world)
      : intake_(id, "http", outputs, world) {
    if (!intake_.Has(Signal::kMetrics)) return;
    for (Target& target : TargetsOf(settings))
      scrapers_.push_back(std::make_unique<Scraper>(std::move(target), intake_, *world.clock));
  }

  Result<void> Start() override {
    for (auto& scraper : scrapers_) TRY(scraper->Start());
    return {};
  }
  void Stop(std::chrono::milliseconds) override {
    for (auto& scraper : scrapers_) scraper->Stop();
  }

 private:
  Intake intake_;
  std::vector<std::unique_ptr<Scraper>> scrapers_;
};

void Check(std::string_view, const Settings& settings, Problems& problems) {
  std::vector<Target> targets = TargetsOf(settings);
  if (targets.empty())
    problems.Error(settings.mark("config.scrape_configs"),
                   "{}: no scrape_configs with static_configs and targets", settings.where());
  if (targets.size() > kTargetsMax)
    problems.Error(settings.mark("config.scrape_configs"), "{}: {} targets, at most {}", settings.where(),
                   targets.size(), kTargetsMax);
  for (const Settings& job : settings.List("config.scrape_configs")) {
    if (job.Text("job_name").empty()) problems.Error(job.mark(), "{}: job_name is empty", job.where());
    for (const Settings& group : job.List("static_configs"))
      for (const std::string& address : group.Texts("targets"))
        if (!ParseHostPort(address))
          problems.Error(group.mark("targets"), "{}::targets: \"{}\" is no host:port", group.where(),
                         address);
  }
  for (const Target& target : targets)
    if (target.interval < std::chrono::milliseconds(10))
      return problems.Error(settings.mark("config.scrape_configs"), "{}: a scrape_interval is under 10ms",
                            settings.where());
}

Result<std::unique_ptr<Receiver>> Make(const std::string& id, const Settings& settings,
                                       const Outputs& outputs, const World& world) {
  return std::make_unique<Prometheus>(id, settings, outputs, world);
}

}  // namespace

Component PrometheusReceiver() {
  Component out{ComponentKind::kReceiver, "prometheus", "", "Reads /metrics of static targets.", kTable};
  out.check = Check;
  out.receiver = Make;
  return out;
}

}  // namespace beleg::collector
