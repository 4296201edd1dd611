#pragma once

#include <array>

namespace freshet::remote {

/// What git-fsck(1) calls these flaws old histories are full of, and they harm nobody. Otherwise
/// objects are checked as strictly as forges check a push: a mirror that refused these would refuse
/// repositories that git clones.
constexpr std::array kHarmlessFlaws{"badDate",
                                    "badDateOverflow",
                                    "badEmail",
                                    "badName",
                                    "badTagName",
                                    "badTimezone",
                                    "missingAuthor",
                                    "missingEmail",
                                    "missingNameBeforeEmail",
                                    "missingSpaceBeforeDate",
                                    "missingSpaceBeforeEmail",
                                    "missingTaggerEntry",
                                    "multipleAuthors",
                                    "zeroPaddedDate",
                                    "zeroPaddedFilemode"};

}  // namespace freshet::remote
