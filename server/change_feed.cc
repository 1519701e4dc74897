#include "server/change_feed.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace assay {

ChangeFeed::Ticket ChangeFeed::Await(StudyId study, int64_t seen,
                                     Callback changed) {
  {
    MutexLock lock(mutex_);
    Topic& topic = topics_[study];
    if (topic.revision <= seen) {
      topic.waiters[next_] = {seen, std::move(changed)};
      return next_++;
    }
  }
  changed();
  return 0;
}

bool ChangeFeed::Cancel(StudyId study, Ticket ticket) {
  MutexLock lock(mutex_);
  const auto it = topics_.find(study);
  return it != topics_.end() && it->second.waiters.erase(ticket) > 0;
}

void ChangeFeed::Publish(StudyId study, int64_t revision) {
  std::vector<Callback> changed;
  {
    MutexLock lock(mutex_);
    Topic& topic = topics_[study];
    topic.revision = std::max(topic.revision, revision);
    for (auto it = topic.waiters.begin(); it != topic.waiters.end();) {
      if (it->second.seen >= topic.revision) {
        ++it;
        continue;
      }
      changed.push_back(std::move(it->second.changed));
      it = topic.waiters.erase(it);
    }
  }
  for (Callback& callback : changed) callback();
}

}  // namespace assay
