// What the benchmarks send: fresh text of a megabyte and more, so that nothing is learned by heart.
#ifndef SANSOCKET_TESTS_BENCH_TEXTS_HPP
#define SANSOCKET_TESTS_BENCH_TEXTS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Records as a chat or a ticker sends them, in JSON and ASCII.
inline std::string json_text(std::size_t size) {
  static constexpr std::array<std::string_view, 12> words{"offer", "trade",   "market", "closed", "user",  "message",
                                                          "hello", "waiting", "room",   "status", "price", "update"};
  std::mt19937_64 random(1);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same text in every run
  std::string text;
  while (text.size() < size) {
    text += R"({"id":)" + std::to_string(random() % 100'000'000) + R"(,"kind":")";
    text += words[random() % words.size()];
    text += R"(","value":)" + std::to_string(static_cast<double>(random() % 1'000'000) / 100) + R"(,"text":")";
    for (std::uint64_t i = 2 + random() % 8; i != 0; --i) {
      text += words[random() % words.size()];
      text += ' ';
    }
    text += R"("},)";
  }
  text.resize(size);
  return text;
}

/// Text in many scripts, most of it not ASCII, cut between code points.
inline std::string many_scripts_text(std::size_t size) {
  static constexpr std::array<std::string_view, 14> words{"plain", "words", "größer", "déjà",       "привет",
                                                          "κόσμε", "שלום",  "你好吗", "こんにちは", "안녕",
                                                          "नमस्ते",  "🙂",    "👍🏽",   "مرحبا"};
  std::mt19937_64 random(2);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same text in every run
  std::string text;
  while (text.size() < size) {
    text += words[random() % words.size()];
    text += ' ';
  }
  return text;
}

/// Cuts a text into messages of about one size, between code points, and fills them up to it.
inline std::vector<std::string> cut_between_code_points(std::string_view text, std::size_t size) {
  std::vector<std::string> messages;
  while (text.size() >= size) {
    std::size_t end = size;
    while ((static_cast<unsigned char>(text[end - 1]) & 0xC0U) == 0x80 ||
           static_cast<unsigned char>(text[end - 1]) >= 0xC0) {
      --end;  // to the end of a character of one byte: a space is never far
    }
    messages.emplace_back(text.substr(0, end));
    messages.back().resize(size, '.');
    text.remove_prefix(end);
  }
  return messages;
}

inline std::vector<std::string> many_scripts_messages(std::size_t size, std::size_t total = 2 * 1024 * 1024) {
  return cut_between_code_points(many_scripts_text(total + 2 * size), size);
}

/// As many messages of one size as make at least `total` bytes.
inline std::vector<std::string> json_messages(std::size_t size, std::size_t total = 2 * 1024 * 1024) {
  const std::size_t count = total / size + 1;
  const std::string text = json_text(count * size);
  std::vector<std::string> messages;
  for (std::size_t i = 0; i < count; ++i) messages.push_back(text.substr(i * size, size));
  return messages;
}

/// A size for the name of a row.
inline std::string size_in_words(std::size_t size) {
  for (const auto& [unit, name] : {std::pair{1024 * 1024, " MiB"}, std::pair{1024, " KiB"}}) {
    if (size % static_cast<std::size_t>(unit) == 0) return std::to_string(size / static_cast<std::size_t>(unit)) + name;
  }
  return std::to_string(size) + " B";
}

#endif
