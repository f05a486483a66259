// What the lanes of a simdgroup do together: a modelled view, for counting only.
//
// Lanes run one after another here, on a GPU at once: the n-th time that each lane passes an instruction
// is one access of the simdgroup. A memory unit fetches bytes that several lanes of it read once, and
// threadgroup memory serves each of its banks one word at a time. The banks are modelled, as Apple does
// not describe them: 32, each 4 bytes wide; wider elements go in as many parts.
#include "simulator.h"

#include <array>
#include <unordered_map>
#include <vector>

namespace {
constexpr unsigned banks = 32, bank_bytes = 4;

struct Key {
  const void* site;
  uint32_t where;  // simdgroup, part of it, read or write
  uint32_t turn;
  bool operator==(const Key& other) const {
    return site == other.site && where == other.where && turn == other.turn;
  }
};
struct Hash {
  size_t operator()(const Key& key) const {
    uint64_t n = reinterpret_cast<uint64_t>(key.site) * 0x9E3779B97F4A7C15u;
    n = (n ^ key.where) * 0xC2B2AE3D27D4EB4Fu;
    return (n ^ key.turn) * 0x9E3779B97F4A7C15u;
  }
};
struct Group {
  std::vector<const char*> places;
  std::array<uint8_t, banks> words = {};
  uint8_t most = 0;
};

std::unordered_map<Key, std::array<uint32_t, MSL_LANES>, Hash> turns;
std::unordered_map<Key, Group, Hash> groups;
} // namespace

void together_new_threadgroup() {
  turns.clear();
  groups.clear();
}

static bool add(Group& group, const char* place) {
  for (const char* other : group.places)
    if (other == place) return false;
  group.places.push_back(place);
  return true;
}

bool together(const Actor& actor, const void* site, const char* at, uint32_t bytes, bool write, Space space) {
  uint32_t lane = actor.thread % MSL_LANES, simdgroup = actor.thread / MSL_LANES;
  uint32_t where = simdgroup << 8 | uint32_t(write);
  uint32_t turn = turns[{site, where, 0}][lane]++;
  if (space == Space::device) return add(groups[{site, where, turn}], at);
  uint32_t parts = bytes > bank_bytes ? bytes / bank_bytes : 1;
  Group& group = groups[{site, where | lane * parts / MSL_LANES << 1, turn}];
  bool first = false;
  for (uint32_t done = 0; done < bytes; done += bank_bytes) {
    uint64_t word = (reinterpret_cast<uint64_t>(at) + done) / bank_bytes;
    if (!add(group, reinterpret_cast<const char*>(word * bank_bytes))) continue;
    first = true;
    uint8_t here = ++group.words[word % banks];
    if (here <= group.most) continue;
    counters.bank_conflicts += group.most > 0;
    group.most = here;
  }
  return first;
}
