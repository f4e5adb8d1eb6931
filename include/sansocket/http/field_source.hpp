// Header fields in whatever type the program keeps them in.
#ifndef SANSOCKET_HTTP_FIELD_SOURCE_HPP
#define SANSOCKET_HTTP_FIELD_SOURCE_HPP

#include <concepts>
#include <iterator>
#include <string_view>
#include <type_traits>

namespace sansocket {

/// One header field.
struct field {
  std::string_view name;
  std::string_view value;

  friend constexpr bool operator==(const field&, const field&) = default;
};

/// The customization point: specialize it for a header type that is not a range of pairs.
/// A specialization has `static void for_each(const Source&, auto&& visit)`, which calls
/// `visit(std::string_view name, std::string_view value)` once for every field line, in order.
/// The views stay valid for as long as the source does.
template <class Source>
struct field_access;

namespace detail {

template <class Text>
concept text_like = std::convertible_to<const Text&, std::string_view> || requires(const Text& text) {
  { text.data() } -> std::convertible_to<const char*>;
  { text.size() } -> std::convertible_to<std::size_t>;
};

template <text_like Text>
constexpr std::string_view as_text(const Text& text) noexcept {
  if constexpr (std::convertible_to<const Text&, std::string_view>) return text;
  else return {text.data(), text.size()};
}

template <class Element>
concept pair_like = requires(const Element& element) {
  requires text_like<std::remove_cvref_t<decltype(element.first)>>;
  requires text_like<std::remove_cvref_t<decltype(element.second)>>;
};

template <class Element>
concept field_like = requires(const Element& element) {
  requires text_like<std::remove_cvref_t<decltype(element.name)>>;
  requires text_like<std::remove_cvref_t<decltype(element.value)>>;
};

template <class Source>
concept range_of_fields = requires(const Source& source) {
  std::begin(source) != std::end(source);
  requires pair_like<std::remove_cvref_t<decltype(*std::begin(source))>> ||
               field_like<std::remove_cvref_t<decltype(*std::begin(source))>>;
};

struct ignore_field {
  constexpr void operator()(std::string_view, std::string_view) const noexcept {}
};

template <class Source>
concept has_field_access =
    requires(const Source& source, ignore_field visit) { field_access<Source>::for_each(source, visit); };

}  // namespace detail

/// Anything that header fields can be read from: a range whose elements have `first` and `second`
/// (std::multimap, a vector or array of pairs) or `name` and `value`, or a type with field_access.
template <class Source>
concept field_source = detail::has_field_access<Source> || detail::range_of_fields<Source>;

/// Calls `visit(name, value)` for every field line, in order.
/// Life: the views are valid as long as the source is.
template <field_source Source, class Visitor>
constexpr void for_each_field(const Source& source, Visitor&& visit) {
  if constexpr (detail::has_field_access<Source>) {
    field_access<Source>::for_each(source, visit);
  } else {
    for (const auto& element : source) {
      if constexpr (detail::pair_like<std::remove_cvref_t<decltype(element)>>) {
        visit(detail::as_text(element.first), detail::as_text(element.second));
      } else {
        visit(detail::as_text(element.name), detail::as_text(element.value));
      }
    }
  }
}

}  // namespace sansocket

#endif
