// receiver prometheus: reads targets' /metrics at an interval and passes them on as OTLP metrics, with the metrics `up`,
// `scrape_duration_seconds` and `scrape_samples_scraped` of each target, as Prometheus has them.
//
// Full: a scrape that the pipeline refuses is lost and counted; the next one comes.
#pragma once

#include "collector/component.h"

namespace beleg::collector {

Component PrometheusReceiver();

}  // namespace beleg::collector
