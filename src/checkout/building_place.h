#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "checkout/slot_directory.h"

namespace freshet::checkout {

/// Removes a tree of the slot directory and the folder in a mirror that belongs to it.
Result<void> remove_slot(const Layout& layout, const std::string& slot);

/// Whether less than so many bytes are free where `path` is. 0: never.
bool is_low(const std::string& path, std::uint64_t min_free_disk);

/// A tree on its way: unless it is kept, it leaves nothing behind.
class BuildingPlace {
 public:
  BuildingPlace(const Layout& layout, std::string place)
      : layout_(layout), place_(std::move(place)) {}
  BuildingPlace(const BuildingPlace&) = delete;
  BuildingPlace& operator=(const BuildingPlace&) = delete;
  ~BuildingPlace() {
    if (!place_.empty()) {
      static_cast<void>(remove_slot(layout_, place_));
    }
  }
  const std::string& path() const { return place_; }
  void keep() { place_.clear(); }

 private:
  const Layout& layout_;
  std::string place_;
};

}  // namespace freshet::checkout
