#include "remote/upstream.h"

namespace freshet::remote {

bool RefPattern::matches(const RefName& ref) const {
  if (text.ends_with('*')) {
    return ref.text().starts_with(std::string_view(text).substr(0, text.size() - 1));
  }
  return ref.text() == text;
}

}  // namespace freshet::remote
