// A client of the chat for terminals and pipes.
//
//     chat_client URL[,URL...] --room NAME (--token TOKEN | --token-file FILE)
//                 [--until N] [--json] [--ca FILE] [--ping-after MS]
//
// It says each line of its input, and prints what was said and stored as "FROM: text", or as a JSON object a
// line with --json; how things stand goes to the error output, in words. When a connection ends, it comes back by
// itself, to the next of the URLs; nothing is lost or repeated on the way. It ends when its input has ended,
// all of it is stored and, with --until, N messages were printed.
#include <poll.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "client/link.hpp"
#include "client/session.hpp"
#include "client/terminal.hpp"
#include "sansocket/codec/utf8.hpp"

namespace {

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;

struct client_choices {
  std::vector<std::string> urls;
  std::string room;
  std::string token;
  std::string token_file;
  std::string ca_file;
  std::uint64_t until = 0;
  sansocket::watchdog_limits deadlines;
  bool json = false;
};

void tell(std::string_view words) { std::fprintf(stderr, "%s\n", chat::printable(words).c_str()); }

/// A name for this instance that no other has.
std::string random_sender(std::random_device& random) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string name;
  for (int i = 0; i < 32; ++i) name += digits[random() % digits.size()];
  return name;
}

std::uint64_t random_seed(std::random_device& random) { return (std::uint64_t{random()} << 32U) | random(); }

/// Everything but the command line.
class client {
 public:
  explicit client(client_choices choices)
      : choices_(std::move(choices)),
        authorization_("Bearer " + choices_.token),
        fields_{{{"Authorization", authorization_}}},
        trust_(examples::tls_context::client(choices_.ca_file)),
        session_(choices_.room, random_sender(random_)),
        backoff_({}, random_seed(random_)) {}

  /// Gives: the status that the program ends with.
  int run() {
    if (!choices_.ca_file.empty() && !trust_) {
      tell(trust_.error());
      return 2;
    }
    while (!over_) {
      const time_point now = clock::now();
      if (!link_ && now >= next_attempt_) connect(now);
      say_lines();
      send(now);
      if (is_done() && !said_goodbye_) {
        if (!link_ || !link_->is_open()) break;
        said_goodbye_ = true;
        link_->close(now);
      }
      if (link_ && link_->end()) disconnect(clock::now());
      else wait();
    }
    return failed_ ? 1 : 0;
  }

 private:
  void connect(time_point now) {
    const std::string& url = choices_.urls[url_];
    tell("connecting to " + url);
    link_.emplace(url, options_, trust_, choices_.deadlines, [this](std::string_view text) { hear(text); }, now);
    joined_ = false;
  }

  /// The connection, or the attempt, has ended.
  void disconnect(time_point now) {
    const chat::link_end end = *link_->end();
    tell_round_trip();
    link_.reset();
    if (is_done()) {
      over_ = true;
      return;
    }
    const auto pause = backoff_.failed(now, end.why);
    if (end.final || (end.wrong_url && choices_.urls.size() == 1) || denied_ || !pause) {
      if (!denied_) tell(end.words + "; trying again cannot help");
      over_ = failed_ = true;
      return;
    }
    url_ = (url_ + 1) % choices_.urls.size();
    next_attempt_ = now + *pause;
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(*pause).count();
    tell((end.words.empty() ? "the connection was cut" : end.words) + "; the next try is in " + std::to_string(ms) +
         " ms");
  }

  void tell_round_trip() const {
    const auto& times = link_->round_trip();
    if (times.count == 0) return;
    const auto us = [](clock::duration time) {
      return std::to_string(std::chrono::round<std::chrono::microseconds>(time).count());
    };
    tell("the round trip took " + us(times.smoothed) + " us, between " + us(times.min) + " and " + us(times.max) +
         " over " + std::to_string(times.count) + (times.count == 1 ? " ping" : " pings"));
  }

  /// Takes over lines while there is room for them.
  void say_lines() {
    while (session_.may_say()) {
      const auto line = input_.next();
      if (!line) return;
      if (line->empty()) continue;
      if (line->size() > chat::longest_text) tell("a line of more than 4000 bytes is not said");
      else if (!sansocket::is_utf8(sansocket::bytes_of(*line))) tell("a line that is not UTF-8 is not said");
      else session_.say(std::string(*line));
    }
  }

  void send(time_point now) {
    if (!link_ || !link_->is_open()) return;
    if (!joined_) {
      joined_ = true;
      backoff_.connected(now);
      link_->send(session_.join(), now);
    }
    if (session_.busy() && now >= try_again_) session_.try_again();
    // What is unsent stays in the session, which keeps it anyway.
    while (link_->is_open() && link_->buffered() < most_buffered) {
      const auto text = session_.next_to_send();
      if (!text) return;
      link_->send(*text, now);
    }
  }

  void hear(std::string_view text) {
    const bool was_busy = session_.busy();
    const chat::news told = session_.receive(text);
    if (session_.busy() && !was_busy) try_again_ = clock::now() + busy_pause;
    switch (told.is) {
      case chat::news::kind::nothing: break;
      case chat::news::kind::stored:
        show(told.said);
        ++received_;
        break;
      case chat::news::kind::provisional: tell("not stored yet: " + told.said.from + ": " + told.said.text); break;
      case chat::news::kind::joined: tell(told.words); break;
      case chat::news::kind::people: tell("here now: " + told.words); break;
      case chat::news::kind::linked:
      case chat::news::kind::complaint: tell(told.words); break;
      case chat::news::kind::refused:
        tell(told.words);
        failed_ = true;
        break;
      case chat::news::kind::denied:
        tell("not let into the room: " + told.words);
        denied_ = true;
        link_->close(clock::now());
        break;
    }
  }

  void show(const chat::message& said) const {
    std::string line;
    if (choices_.json) {
      const chat::json whole{{"at", said.at->text()}, {"room", said.room}, {"from", said.from}, {"sender", said.sender},
                             {"seq", said.seq},       {"text", said.text}, {"time", said.time}};
      line = whole.dump();
    } else {
      line = chat::printable(said.from) + ": " + chat::printable(said.text);
    }
    std::fprintf(stdout, "%s\n", line.c_str());
  }

  bool is_done() const { return input_.is_over() && session_.unaccepted() == 0 && received_ >= choices_.until; }

  /// Waits for something to do, and lets the connection do it.
  void wait() {
    std::fflush(stdout);
    const bool wants_input = input_.wants_more() && session_.may_say();
    std::array<pollfd, 2> wanted{{{.fd = wants_input ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0},
                                  {.fd = -1, .events = 0, .revents = 0}}};
    if (link_) {
      wanted[1].fd = link_->descriptor();
      wanted[1].events = link_->wanted_events();
    }
    if (::poll(wanted.data(), wanted.size(), time_left()) < 0) return;
    if (wanted[0].revents != 0) input_.read();
    if (!link_) return;
    const bool measured = link_->round_trip().count != 0;
    link_->advance(wanted[1].revents, clock::now());
    if (!measured) tell_round_trip();
  }

  /// Until the next deadline, as poll wants it.
  int time_left() const {
    time_point deadline = link_ ? link_->deadline() : next_attempt_;
    if (link_ && session_.busy()) deadline = std::min(deadline, try_again_);
    if (deadline == time_point::max()) return -1;
    using std::chrono::milliseconds;
    const auto left = std::chrono::ceil<milliseconds>(deadline - clock::now());
    return static_cast<int>(std::clamp(left, milliseconds(0), milliseconds(60'000)).count());
  }

  static constexpr std::size_t most_buffered = 64 * 1024;
  static constexpr std::chrono::seconds busy_pause{1};
  static constexpr std::array<std::string_view, 1> subprotocols_{chat::subprotocol};

  client_choices choices_;
  std::string authorization_;
  std::array<sansocket::field, 1> fields_;
  sansocket::client_options options_{.subprotocols = subprotocols_, .fields = fields_};
  examples::tls_context trust_;
  std::random_device random_;
  chat::client_session session_;
  sansocket::backoff backoff_;
  chat::line_reader input_{STDIN_FILENO};
  std::optional<chat::client_link> link_;
  std::size_t url_ = 0;
  time_point next_attempt_ = time_point::min();
  time_point try_again_{};
  std::uint64_t received_ = 0;
  bool joined_ = false;  // asked to come into the room, on this connection
  bool said_goodbye_ = false;
  bool denied_ = false;
  bool over_ = false;
  bool failed_ = false;
};

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    list.remove_prefix(comma + 1);
  }
}

std::string first_line_of(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

/// Gives: nothing if the command line makes no sense.
std::optional<client_choices> parse(std::span<char*> arguments) {
  if (arguments.empty()) return std::nullopt;
  client_choices choices;
  choices.urls = split(arguments.front());
  arguments = arguments.subspan(1);
  while (!arguments.empty()) {
    const std::string_view name = arguments.front();
    arguments = arguments.subspan(1);
    if (name == "--json") {
      choices.json = true;
      continue;
    }
    if (arguments.empty()) return std::nullopt;
    const std::string value = arguments.front();
    arguments = arguments.subspan(1);
    if (name == "--room") choices.room = value;
    else if (name == "--token") choices.token = value;
    else if (name == "--token-file") choices.token_file = value;
    else if (name == "--ca") choices.ca_file = value;
    else if (name == "--ping-after" && examples::parse_number(value, 3'600'000)) {
      choices.deadlines.ping_after = std::chrono::milliseconds(*examples::parse_number(value, 3'600'000));
    } else if (name == "--until" && examples::parse_number(value, chat::largest_whole)) {
      choices.until = *examples::parse_number(value, chat::largest_whole);
    } else return std::nullopt;
  }
  if (choices.room.empty() || choices.token.empty() == choices.token_file.empty()) return std::nullopt;
  return choices;
}

}  // namespace

int main(int argc, char** argv) {
  auto choices = parse(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  if (!choices) {
    std::fputs(
        "usage: chat_client URL[,URL...] --room NAME (--token TOKEN | --token-file FILE) [options]\n"
        "It says each line of its input in the room, and ends when the input has ended and all of it is stored.\n"
        "    URL                a server's, such as ws://127.0.0.1:8080/chat; the next one when a connection ends\n"
        "    --token-file FILE  what `chat_server --secret-file SECRET --make-token NAME` has printed\n"
        "    [--until N]        not before N messages were printed\n"
        "    [--json]           prints each message as a JSON object on a line\n"
        "    [--ca FILE]        certificates that wss:// trusts\n"
        "    [--ping-after MS]  of silence\n",
        stderr);
    return 2;
  }
  if (choices->token.empty()) choices->token = first_line_of(choices->token_file);
  if (choices->token.empty()) {
    tell("there is no token in " + choices->token_file);
    return 2;
  }
  return client(std::move(*choices)).run();
}
