// Validating UTF-8 alone, whole texts (§8.1).
#include "sansocket/codec/utf8.hpp"
#include "harness.hpp"
#include "texts.hpp"

namespace {

constexpr std::array<std::size_t, 3> sizes{64, 1024, 64 * 1024};

struct sansocket_judge {
  bool operator()(const std::string& text) const { return sansocket::is_utf8(text); }
};

/// RFC 3629 §4: whole and broken at their edges.
const utf8_work edges{{
    "",
    "a",
    "\xC2\x80",
    "\xE0\xA0\x80",
    "\xED\x9F\xBF",
    "\xF0\x90\x80\x80",
    "\xF4\x8F\xBF\xBF",
    "\x80",
    "\xC0\x80",
    "\xC1\xBF",
    "\xE0\x9F\xBF",
    "\xED\xA0\x80",
    "\xF0\x8F\xBF\xBF",
    "\xF4\x90\x80\x80",
    "\xF5\x80\x80\x80",
    "\xFF",
    "a\xE2\x82",
    std::string(70, 'a') + "\xF0\x9F\x99\x82" + std::string(70, 'a'),
    std::string(70, 'a') + "\xF0\x9F\x99" + std::string(70, 'a'),
}};

}  // namespace

int main(int argc, char** argv) {
  const auto contenders = with_peers<utf8_work>({{"sansocket", make_contender<judging<sansocket_judge>>}}, &peer::utf8);
  judge<utf8_work>(contenders, edges, [](const std::string& shown) { return shown == "1111111000000000010"; });

  std::vector<std::pair<std::string, utf8_work>> all;
  for (const std::size_t size : sizes) all.push_back({"JSON " + size_in_words(size), {json_messages(size)}});
  for (const std::size_t size : sizes) {
    all.push_back({"many scripts " + size_in_words(size), {many_scripts_messages(size)}});
  }
  for (const auto& [name, work] : all) add_row("utf8/" + name, contenders, work, work.texts.size());
  return measure(argc, argv);
}
