// A page and a WebSocket behind one port: an HTTP server that has routes of its own and hands /ws to
// the library, once it has parsed the request itself. It echoes, takes a few commands, and shows on
// /wire what travels on /ws.
//
//   demo_server [--port N] [--root DIR]
//
// It prints `demo: http://127.0.0.1:PORT/` and serves until SIGINT or SIGTERM.

#include <poll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "demo/wire_tap.hpp"
#include "posix_socket.hpp"
#include "sansocket/deflate/permessage_deflate.hpp"
#include "sansocket/sansocket.hpp"

#ifndef SANSOCKET_DEMO_PAGE_DIR
#define SANSOCKET_DEMO_PAGE_DIR "examples/demo"
#endif

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr std::size_t most_peers = 256;
constexpr std::size_t much_output = 256 * 1024;  // more than this waits to be sent: read no further
constexpr auto patience = 10s;                   // for a request, and for taking its answer
constexpr auto last_words = 2s;                  // for what a peer still has to say when all is said

const sansocket::server_options upgrade_options{.origins = sansocket::same_origin,
                                                .deflate = sansocket::deflate_options{}};

struct page_file {
  std::string_view route, name, type;
};
constexpr std::array page_files{
    page_file{"/", "page.html", "text/html; charset=utf-8"},
    page_file{"/page.css", "page.css", "text/css; charset=utf-8"},
    page_file{"/page.js", "page.js", "text/javascript; charset=utf-8"},
};

/// One accepted socket, from its first byte to its last.
struct peer {
  enum class phase : std::uint8_t {
    asking,     // the head of the request is coming
    answering,  // an HTTP answer is on its way, then the end
    open,       // a WebSocket, the 101 that opens it included
    parting,    // all is sent; what the peer still sends is read and dropped
    gone,
  };

  explicit peer(examples::unique_fd accepted) : socket(std::move(accepted)) {}

  bool reads() const { return now != phase::answering && now != phase::gone && !resting && !eof; }

  sansocket::const_bytes output() const {
    if (now != phase::answering && now != phase::open) return {};
    if (answered < answer.size()) return answer.view().subspan(answered);
    return ws ? ws->output() : sansocket::const_bytes();
  }

  void enter(phase next, std::optional<steady_clock::duration> most = std::nullopt) {
    now = next;
    deadline = most ? steady_clock::now() + *most : steady_clock::time_point::max();
  }

  examples::unique_fd socket;
  phase now = phase::asking;
  steady_clock::time_point deadline = steady_clock::now() + patience;
  sansocket::head_reader<> head{sansocket::head_kind::request};
  sansocket::heap_buffer answer;  // of HTTP: a page, a refusal, or the 101
  std::size_t answered = 0;       // bytes of it that were sent

  std::optional<sansocket::deflate_server_connection> ws;
  bool eof = false;      // the peer has ended its side
  bool resting = false;  // the connection has input left, but too much output waits
  bool watches = false;  // this is /wire, not /ws
  std::string id;        // joins the two
  wire_tap seen_in, seen_out;
  std::deque<std::uint64_t> sizes_in;   // of compressed messages that came and are not inflated; 0 for plain ones
  std::deque<std::uint64_t> sizes_out;  // of messages as they were before they were sent
};

class demo_server {
 public:
  demo_server(examples::unique_fd listener, examples::unique_fd stop_signal, std::string root)
      : listener_(std::move(listener)), stop_signal_(std::move(stop_signal)), root_(std::move(root)) {}

  /// Serves until it is told to stop and all peers have gone.
  void run() {
    while (!stopping_ || !peers_.empty()) {
      const std::vector<pollfd> ready = wait();
      for (std::size_t i = 0; i < peers_.size(); ++i) {
        if (ready[i + 2].revents != 0) serve(*peers_[i]);
        if (peers_[i]->deadline <= steady_clock::now()) peers_[i]->enter(phase::gone);
      }
      if (ready[0].revents != 0) stop();
      if (ready[1].revents != 0) accept_peers();
      std::erase_if(peers_, [](const auto& each) { return each->now == phase::gone; });
    }
  }

 private:
  using phase = peer::phase;

  /// Gives: what is ready: the signal, the listener, then the peers in their order.
  std::vector<pollfd> wait() const {
    std::vector<pollfd> polled{{stop_signal_.value(), events(!stopping_, false), 0},
                               {listener_.value(), events(accepts(), false), 0}};
    for (const auto& each : peers_) {
      polled.push_back({each->socket.value(), events(each->reads(), !each->output().empty()), 0});
    }
    ::poll(polled.data(), static_cast<nfds_t>(polled.size()), milliseconds_left());
    return polled;
  }

  static short events(bool to_read, bool to_write) {
    return static_cast<short>((to_read ? POLLIN : 0) | (to_write ? POLLOUT : 0));
  }

  bool accepts() const { return !stopping_ && peers_.size() < most_peers && accept_again_ <= steady_clock::now(); }

  int milliseconds_left() const {
    auto first = accept_again_ > steady_clock::now() ? accept_again_ : steady_clock::time_point::max();
    for (const auto& each : peers_) first = std::min(first, each->deadline);
    if (first == steady_clock::time_point::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - steady_clock::now());
    return static_cast<int>(std::max(left, 0ms).count());
  }

  void accept_peers() {
    while (accepts()) {
      examples::unique_fd socket(::accept4(listener_.value(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!socket) {
        const bool none_left = errno == EAGAIN || errno == EWOULDBLOCK;
        if (!none_left) accept_again_ = steady_clock::now() + 1s;  // EMFILE and the like: not at once again
        return;
      }
      examples::set_no_delay(socket.value());
      peers_.push_back(std::make_unique<peer>(std::move(socket)));
    }
  }

  /// Says goodbye to all: 1001 to every WebSocket, and time for the answer.
  void stop() {
    stopping_ = true;
    for (const auto& each : peers_) {
      if (each->now == phase::asking || each->now == phase::answering) each->enter(phase::gone);
      if (each->now != phase::open) continue;
      (void)each->ws->send_close(sansocket::close_code::going_away, "the server stops");  // or it is closing anyway
      each->enter(phase::open, last_words);
    }
  }

  // Bytes in, events out, bytes out

  void serve(peer& who) {
    if (who.reads()) receive(who);
    do {
      if (who.now == phase::open) handle_events(who);
      send(who);
    } while (who.now == phase::open && who.resting && who.output().empty());
  }

  void receive(peer& who) {
    const examples::transfer got = examples::read_some(who.socket.value(), input_);
    if (got.blocked) return;
    who.eof = got.ended;
    const auto chunk = sansocket::bytes(input_).first(got.count);
    if (who.now == phase::open) {
      if (got.ended) who.ws->receive_eof();
      show_incoming(who, chunk);
      if (who.ws->receive(chunk) != sansocket::error::none) who.enter(phase::gone);
    } else if (got.ended) {
      who.enter(phase::gone);
    } else if (who.now == phase::asking) {
      read_head(who, chunk);
    }
  }

  void handle_events(peer& who) {
    while (who.now == phase::open && !(who.resting = who.ws->buffered() >= much_output)) {
      const sansocket::event next = who.ws->poll();
      if (!next) break;
      handle(who, next);
    }
    // What is left lies in the buffer that the next peer's bytes go into.
    if (who.ws->retain() != sansocket::error::none) who.enter(phase::gone);
  }

  void send(peer& who) {
    bool moved = false;
    while (!who.output().empty()) {
      const auto output = who.output();
      const examples::transfer put = examples::write_some(who.socket.value(), std::span(&output, 1));
      if (put.ended) return who.enter(phase::gone);
      if (put.blocked) break;
      count_sent(who, output.first(put.count));
      moved = true;
    }
    if (who.now == phase::answering && who.output().empty()) return part(who);
    if (who.now != phase::open) return;
    if (who.ws->transport() == sansocket::transport_action::close) return part(who);
    const bool waits_for_nothing = who.deadline == steady_clock::time_point::max();
    if (!who.ws->is_open()) {
      if (waits_for_nothing) who.enter(phase::open, last_words);
    } else if (who.output().empty()) {
      who.enter(phase::open);
    } else if (moved || waits_for_nothing) {
      who.enter(phase::open, patience);
    }
  }

  void count_sent(peer& who, sansocket::const_bytes went) {
    if (who.answered < who.answer.size()) {
      who.answered += went.size();
      return;
    }
    show_outgoing(who, went);
    who.ws->sent(went.size());
  }

  /// Ends the sending side alone. To close a socket with bytes unread resets the connection, and the
  /// peer may lose the last that it was told (§7.1.1 shows this way).
  static void part(peer& who) {
    if (who.eof) return who.enter(phase::gone);
    ::shutdown(who.socket.value(), SHUT_WR);
    who.resting = false;
    who.enter(phase::parting, last_words);
  }

  // HTTP

  void read_head(peer& who, sansocket::bytes chunk) {
    const auto text = who.head.read(chunk);
    if (text.failed()) return answer(who, sansocket::http_status_for(text.error()), sansocket::message(text.error()));
    if (!text.complete()) return;
    const sansocket::request_head request = sansocket::split_request_head(*text);
    const std::string_view path = request.target.substr(0, request.target.find('?'));
    if (path == "/ws" || path == "/wire") return upgrade(who, request, path == "/wire", chunk);
    if (request.method != "GET") return answer(who, 405, "only GET is served here");
    for (const page_file& file : page_files) {
      if (path == file.route) return serve_file(who, file);
    }
    answer(who, 404, "there is no such page");
  }

  void serve_file(peer& who, const page_file& file) {
    std::ifstream content(root_ + '/' + std::string(file.name), std::ios::binary);
    if (!content) return answer(who, 404, "the page's files are not where --root says");
    answer(who, 200, {std::istreambuf_iterator<char>(content), {}}, file.type);
  }

  static void answer(peer& who, std::uint16_t status, const std::string& body, std::string_view type) {
    sansocket::head_writer head(who.answer);
    head.status_line(status).add("Content-Type", type).add("Content-Length", body.size());
    if (status == 405) head.add("Allow", "GET");
    head.add("Cache-Control", "no-cache").add("Connection", "close").end(body);
    who.enter(head.error() == sansocket::error::none ? phase::answering : phase::gone, patience);
  }

  static void answer(peer& who, std::uint16_t status, std::string_view words) {
    answer(who, status, std::string(words) + '\n', "text/plain; charset=utf-8");
  }

  /// Takes: the request as this server has parsed it, and the bytes that came behind its head.
  void upgrade(peer& who, const sansocket::request_head& request, bool watches, sansocket::bytes behind_head) {
    const auto verdict =
        sansocket::check_upgrade(request.method, request.version, request.target, request.fields, upgrade_options);
    sansocket::head_writer head(who.answer);
    head.status_line(verdict.status());
    for (const auto& [name, value] : verdict.fields()) head.add(name, value);
    if (!verdict) head.add("Content-Length", verdict.body().size());
    head.end(verdict.body());
    if (head.error() != sansocket::error::none) return who.enter(phase::gone);
    if (!verdict) return who.enter(phase::answering, patience);

    who.enter(phase::open);
    who.watches = watches;
    if (const auto at = request.target.find("?id="); at != std::string_view::npos)
      who.id = request.target.substr(at + 4);
    sansocket::connection_options options;
    // A watcher that is slow misses frames. On /ws nothing is missed: polling rests, see handle_events.
    if (!watches) options.high_water = sansocket::unlimited;
    const auto agreed = *verdict.agreement(behind_head);
    who.ws.emplace(agreed, sansocket::permessage_deflate<sansocket::role::server>(agreed.deflate(), pool_), options);
    show(who, "in ", sansocket::describe_head(who.head.text()));
    show(who, "out ", sansocket::describe_head(sansocket::text_of(std::as_const(who.answer).view())));
    if (verdict.deflate()) show(who, "out ", "agreed: permessage-deflate");
    show_incoming(who, behind_head);
  }

  // WebSocket

  void handle(peer& who, const sansocket::event& next) {
    using sansocket::error;
    if (who.watches) return;  // it has nothing to say
    if (next.is_message()) show_inflated(who, next.payload.size());
    error fault = error::none;
    if (next.type == sansocket::event_type::text) fault = answer_text(who, next.text());
    if (next.type == sansocket::event_type::binary) fault = send(who, sansocket::message_type::binary, next.bytes());
    // After this end's Close messages still come; they are not answered.
    if (fault != error::none && fault != error::closing) who.enter(phase::gone);
  }

  static sansocket::error send(peer& who, sansocket::message_type type, sansocket::const_bytes payload) {
    const sansocket::error fault = who.ws->send(type, payload);
    if (fault == sansocket::error::none && !who.id.empty()) who.sizes_out.push_back(payload.size());
    return fault;
  }

  static sansocket::error send_text(peer& who, std::string_view text) {
    return send(who, sansocket::message_type::text, sansocket::bytes_of(text));
  }

  /// Echoes, unless the text is one of the commands.
  static sansocket::error answer_text(peer& who, std::string_view text) {
    sansocket::deflate_server_connection& ws = *who.ws;
    std::string_view rest = text;
    const std::string_view command = next_word(rest);
    if (command == "/help") {
      return send_text(who, "/close CODE REASON, /ping PAYLOAD, /pieces TEXT; anything else is echoed");
    }
    if (command == "/pieces") return send_in_pieces(who, rest);
    if (command != "/close" && command != "/ping") return send_text(who, text);

    sansocket::error fault{};
    if (command == "/ping") {
      fault = ws.send_ping(sansocket::bytes_of(rest));
    } else {
      const std::string_view digits = next_word(rest);
      std::uint16_t code = digits.empty() ? 1000 : 0;
      std::from_chars(digits.data(), digits.data() + digits.size(), code);
      fault = ws.send_close(sansocket::close_code{code}, rest);
    }
    // A mistake of the caller changes nothing: the connection goes on, and can say what the mistake was.
    return fault == sansocket::error::none ? fault : send_text(who, sansocket::message(fault));
  }

  /// Every word a frame of its own, with a ping between the first two.
  static sansocket::error send_in_pieces(peer& who, std::string_view rest) {
    sansocket::deflate_server_connection& ws = *who.ws;
    if (!who.id.empty()) who.sizes_out.push_back(rest.size());
    bool pinged = false;
    do {
      const std::size_t space = rest.find(' ');
      const std::string_view piece = rest.substr(0, space == std::string_view::npos ? space : space + 1);
      rest.remove_prefix(piece.size());
      // Words are too short for compression to be worth a frame each.
      const auto fault = ws.send_piece(sansocket::message_type::text, sansocket::bytes_of(piece), rest.empty(),
                                       sansocket::compression::never);
      if (fault != sansocket::error::none) return fault;
      if (!std::exchange(pinged, true)) (void)ws.send_ping();  // or an earlier one still waits
    } while (!rest.empty());
    return sansocket::error::none;
  }

  /// Takes the first word off a text, with the space behind it.
  static std::string_view next_word(std::string_view& text) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    return word;
  }

  // The wire view

  /// Takes: bytes that the connection has not got yet.
  void show_incoming(peer& who, sansocket::const_bytes chunk) {
    if (who.watches || who.id.empty()) return;
    who.seen_in.follow(
        chunk, [&](std::string_view words) { show(who, "in ", words); },
        [&](std::uint64_t size, bool compressed) { who.sizes_in.push_back(compressed ? size : 0); });
  }

  void show_outgoing(peer& who, sansocket::const_bytes chunk) {
    if (who.watches || who.id.empty()) return;
    who.seen_out.follow(
        chunk, [&](std::string_view words) { show(who, "out ", words); },
        [&](std::uint64_t size, bool compressed) {
          if (who.sizes_out.empty()) return;
          if (compressed) show(who, "out ", sizes(size, who.sizes_out.front()));
          who.sizes_out.pop_front();
        });
  }

  /// Says what a message has become that came compressed.
  void show_inflated(peer& who, std::uint64_t size) {
    if (who.sizes_in.empty()) return;
    if (who.sizes_in.front() != 0) show(who, "in ", sizes(who.sizes_in.front(), size));
    who.sizes_in.pop_front();
  }

  static std::string sizes(std::uint64_t compressed, std::uint64_t inflated) {
    return "a message of " + std::to_string(inflated) + " bytes, compressed to " + std::to_string(compressed);
  }

  void show(const peer& who, std::string_view direction, std::string_view words) {
    if (who.watches || who.id.empty()) return;
    for (const auto& each : peers_) {
      if (!each->watches || each->id != who.id || each->now != phase::open) continue;
      (void)each->ws->send_text(std::string(direction).append(words));  // lost on one that is slow or closing
    }
  }

  examples::unique_fd listener_;
  examples::unique_fd stop_signal_;
  bool stopping_ = false;
  sansocket::deflate_pool pool_;  // outlives the peers
  steady_clock::time_point accept_again_{};
  std::string root_;
  std::vector<std::unique_ptr<peer>> peers_;
  std::array<std::byte, 64 * 1024> input_;  // what any peer has sent, until it is handled
};

/// A descriptor that can be read once the process was told to stop.
examples::unique_fd stop_signal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  return examples::unique_fd(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
}

}  // namespace

int main(int argc, char** argv) {
  std::uint16_t port = 0;
  std::string root = SANSOCKET_DEMO_PAGE_DIR;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view option = argv[i];
    const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
    const auto number = examples::parse_number(value, 65'535);
    if (option == "--root" && !value.empty()) {
      root = value;
    } else if (option == "--port" && number) {
      port = static_cast<std::uint16_t>(*number);
    } else {
      std::fputs("usage: demo_server [--port N] [--root DIR]   DIR: where the page's files are\n", stderr);
      return 2;
    }
    if (option == "--root") root = value;
  }

  examples::unique_fd listener = examples::listen_on_loopback(port);
  examples::unique_fd signal = stop_signal();
  if (!listener || !signal) {
    std::perror("demo_server");
    return 1;
  }
  std::printf("demo: http://127.0.0.1:%d/\n", examples::port_of(listener));
  std::fflush(stdout);
  demo_server(std::move(listener), std::move(signal), root).run();
}
