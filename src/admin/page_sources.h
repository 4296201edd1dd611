#pragma once

#include <string_view>
#include <vector>

namespace freshet::admin {

/// The files of page/ as they were when the program was built; cmake/EmbedPage.cmake writes the
/// definition.
struct PageSources {
  std::string_view html;  ///< with {{style}} and {{script}} where those belong
  std::string_view style;
  std::vector<std::string_view> scripts;  ///< in their order; together they are one script
};

const PageSources& page_sources();

}  // namespace freshet::admin
