#include "sansocket/http/field_source.hpp"

#include <array>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace {

/// A header type as another library might have it: no range, and reached through calls.
class foreign_fields {
 public:
  void set(std::string name, std::string value) { lines_.emplace_back(std::move(name), std::move(value)); }
  std::size_t count() const { return lines_.size(); }
  const std::string& name_at(std::size_t i) const { return std::get<0>(lines_[i]); }
  const std::string& value_at(std::size_t i) const { return std::get<1>(lines_[i]); }

 private:
  std::vector<std::tuple<std::string, std::string>> lines_;
};

/// A range of pairs whose pairs mean something else, and that says so.
struct reversed_pairs : std::vector<std::pair<std::string, std::string>> {
  using vector::vector;
};

/// Text that is no string_view and turns into none.
class foreign_text {
 public:
  explicit foreign_text(std::string text) : text_(std::move(text)) {}
  const char* data() const { return text_.data(); }
  std::size_t size() const { return text_.size(); }

 private:
  std::string text_;
};

struct named {
  foreign_text name;
  foreign_text value;
};

}  // namespace

template <>
struct sansocket::field_access<foreign_fields> {
  static void for_each(const foreign_fields& source, auto&& visit) {
    for (std::size_t i = 0; i < source.count(); ++i) visit(source.name_at(i), source.value_at(i));
  }
};

template <>
struct sansocket::field_access<reversed_pairs> {
  static void for_each(const reversed_pairs& source, auto&& visit) {
    for (const auto& [value, name] : source) visit(name, value);
  }
};

using namespace sansocket;

namespace {

using lines = std::vector<std::pair<std::string, std::string>>;

template <class Source>
lines lines_of(const Source& source) {
  lines seen;
  for_each_field(source, [&](std::string_view name, std::string_view value) { seen.emplace_back(name, value); });
  return seen;
}

const lines expected{{"Host", "a"}, {"Upgrade", "websocket"}};

}  // namespace

TEST_CASE("field_source: reads a std::multimap, repeated names and all", "[field_source]") {
  const std::multimap<std::string, std::string> source{
      {"Connection", "keep-alive"}, {"Connection", "Upgrade"}, {"Host", "a"}};
  STATIC_REQUIRE(field_source<std::multimap<std::string, std::string>>);
  CHECK(lines_of(source) == lines{{"Connection", "keep-alive"}, {"Connection", "Upgrade"}, {"Host", "a"}});
  CHECK(lines_of(std::map<std::string, std::string>{{"Host", "a"}}) == lines{{"Host", "a"}});
}

TEST_CASE("field_source: reads vectors and lists of pairs in their order", "[field_source]") {
  STATIC_REQUIRE(field_source<lines>);
  CHECK(lines_of(expected) == expected);
  CHECK(lines_of(std::list<std::pair<std::string, std::string>>{{"Host", "a"}, {"Upgrade", "websocket"}}) == expected);
  CHECK(lines_of(std::vector<std::pair<const char*, const char*>>{{"Host", "a"}, {"Upgrade", "websocket"}}) ==
        expected);
  // As lines they come, also out of the alphabet's order and twice.
  const lines unordered{{"b", "1"}, {"a", "2"}, {"b", "3"}};
  CHECK(lines_of(unordered) == unordered);
}

TEST_CASE("field_source: reads arrays, the language's own too", "[field_source]") {
  using pair = std::pair<std::string_view, std::string_view>;
  const std::array<pair, 2> array{{{"Host", "a"}, {"Upgrade", "websocket"}}};
  CHECK(lines_of(array) == expected);
  const pair bare[] = {{"Host", "a"}, {"Upgrade", "websocket"}};
  STATIC_REQUIRE(field_source<pair[2]>);
  CHECK(lines_of(bare) == expected);
}

TEST_CASE("field_source: reads elements with a name and a value", "[field_source]") {
  const std::array own{field{"Host", "a"}, field{"Upgrade", "websocket"}};
  CHECK(lines_of(own) == expected);
}

TEST_CASE("field_source: reads text that has only data and size", "[field_source]") {
  const std::vector<named> foreign{{foreign_text("Host"), foreign_text("a")},
                                   {foreign_text("Upgrade"), foreign_text("websocket")}};
  CHECK(lines_of(foreign) == expected);
  const std::vector<std::pair<std::vector<char>, foreign_text>> mixed{{{'H', 'o', 's', 't'}, foreign_text("a")}};
  CHECK(lines_of(mixed) == lines{{"Host", "a"}});
}

TEST_CASE("field_source: reads a type of one's own through field_access", "[field_source]") {
  STATIC_REQUIRE(field_source<foreign_fields>);
  foreign_fields source;
  source.set("Host", "a");
  source.set("Upgrade", "websocket");
  CHECK(lines_of(source) == expected);
}

TEST_CASE("field_source: field_access goes before what a range would say", "[field_source]") {
  CHECK(lines_of(reversed_pairs{{"a", "Host"}, {"websocket", "Upgrade"}}) == expected);
}

TEST_CASE("field_source: the views lie on the source", "[field_source]") {
  const lines source{{"Host", "a value too long for a string to keep in itself"}};
  for_each_field(source, [&](std::string_view name, std::string_view value) {
    CHECK(name.data() == source[0].first.data());
    CHECK(value.data() == source[0].second.data());
  });
}

TEST_CASE("field_source: an empty source has no field", "[field_source]") {
  CHECK(lines_of(lines{}).empty());
  CHECK(lines_of(foreign_fields{}).empty());
  CHECK(lines_of(std::array<field, 0>{}).empty());
}

TEST_CASE("field_source: the visitor may keep a state of its own", "[field_source]") {
  struct counter {
    int count = 0;
    void operator()(std::string_view, std::string_view) { ++count; }
  };
  counter seen;
  for_each_field(expected, seen);
  CHECK(seen.count == 2);
}

TEST_CASE("field_source: what has no fields is refused", "[field_source]") {
  STATIC_REQUIRE_FALSE(field_source<int>);
  STATIC_REQUIRE_FALSE(field_source<std::string>);
  STATIC_REQUIRE_FALSE(field_source<std::vector<std::string>>);
  STATIC_REQUIRE_FALSE(field_source<std::vector<std::pair<std::string, int>>>);
  STATIC_REQUIRE_FALSE(field_source<std::map<int, std::string>>);
  STATIC_REQUIRE_FALSE(field_source<field>);
}

TEST_CASE("field_source: fields are compared by name and value", "[field_source]") {
  STATIC_REQUIRE(field{"a", "b"} == field{"a", "b"});
  STATIC_REQUIRE(field{"a", "b"} != field{"a", "c"});
  STATIC_REQUIRE(field{"a", "b"} != field{"A", "b"});
}

TEST_CASE("field_source: can be read at compile time", "[field_source]") {
  constexpr auto length = [] {
    constexpr std::array source{field{"Host", "a"}, field{"Upgrade", "websocket"}};
    std::size_t sum = 0;
    for_each_field(source, [&](std::string_view name, std::string_view value) { sum += name.size() + value.size(); });
    return sum;
  }();
  STATIC_REQUIRE(length == 4 + 1 + 7 + 9);
}
