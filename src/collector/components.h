// The components that there are.
#pragma once

#include <vector>

#include "collector/component.h"

namespace beleg::collector {

const std::vector<Component>& Components();

// By type or alias; nullptr when there is none.
const Component* FindComponent(ComponentKind kind, std::string_view type);

// As `otelcol components` prints them: YAML.
std::string DescribeComponents();
// Every setting of every component, as the tables of docs/collector.md.
std::string DescribeSettings();

}  // namespace beleg::collector
