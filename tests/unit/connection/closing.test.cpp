#include "sansocket/connection/closing.hpp"

#include "catch.hpp"

using namespace sansocket;

namespace {

constexpr close_code bye{3000};

/// What transport() says to a server and a client, with output waiting and without.
struct transports {
  transport_action server_waiting, server_sent, client_waiting, client_sent;
  constexpr bool operator==(const transports&) const = default;
};

constexpr transports transports_of(const closing& state) {
  return {state.transport(role::server, false), state.transport(role::server, true),
          state.transport(role::client, false), state.transport(role::client, true)};
}

constexpr auto keep = transport_action::keep;
constexpr auto await_eof = transport_action::await_eof;
constexpr auto close_it = transport_action::close;

constexpr closing after_both_closes() {
  closing state;
  state.send_close(close_code::normal);
  state.receive_close(close_code::normal);
  return state;
}
static_assert(!after_both_closes().may_send() && !after_both_closes().may_receive());

}  // namespace

TEST_CASE("closing: an open connection may do everything and has nothing to report", "[closing]") {
  const closing state;
  CHECK(state.may_send());
  CHECK(state.may_receive());
  CHECK_FALSE(state.report_due());
  CHECK(transports_of(state) == transports{keep, keep, keep, keep});
}

TEST_CASE("closing: after our Close nothing is sent, but the peer's Close is awaited", "[closing][7.1.2]") {
  closing state;
  state.send_close(bye);
  CHECK_FALSE(state.may_send());
  CHECK(state.may_receive());
  CHECK_FALSE(state.report_due());
  CHECK(transports_of(state) == transports{keep, keep, keep, keep});
}

TEST_CASE("closing: local Close first, then the peer's", "[closing][7.1.1]") {
  closing state;
  state.send_close(bye);
  state.receive_close(close_code::going_away);
  CHECK_FALSE(state.may_send());
  CHECK_FALSE(state.may_receive());
  REQUIRE(state.report_due());
  const close_report report = state.take_report();
  CHECK(report.clean());
  CHECK(report.initiator == which_end::local);
  CHECK(report.sent == bye);
  CHECK(report.received == close_code::going_away);
}

TEST_CASE("closing: the peer's Close first is answered with its code", "[closing][5.5.1]") {
  closing state;
  state.receive_close(close_code::no_status);
  CHECK_FALSE(state.may_send());
  CHECK_FALSE(state.may_receive());
  const close_report report = state.take_report();
  CHECK(report.clean());
  CHECK(report.initiator == which_end::peer);
  CHECK(report.sent == close_code::no_status);
  CHECK(report.received == close_code::no_status);
}

TEST_CASE("closing: behind both Closes a server closes, a client waits for the end", "[closing][7.1.1]") {
  closing state = after_both_closes();
  CHECK(transports_of(state) == transports{keep, close_it, keep, await_eof});
  state.receive_eof();
  CHECK(transports_of(state) == transports{keep, close_it, keep, close_it});
}

TEST_CASE("closing: a failure closes the transport of both ends once its Close is sent", "[closing][7.1.7]") {
  closing state;
  state.fail(error::mask_missing, close_code::protocol_error);
  CHECK_FALSE(state.may_send());
  CHECK_FALSE(state.may_receive());
  CHECK(transports_of(state) == transports{keep, close_it, keep, close_it});
  const close_report report = state.take_report();
  CHECK_FALSE(report.clean());
  CHECK(report.fault == error::mask_missing);
  CHECK(report.initiator == which_end::local);
  CHECK(report.sent == close_code::protocol_error);
  CHECK(report.received == close_code::abnormal);
}

TEST_CASE("closing: a failure that could queue no Close says so", "[closing][7.1.7]") {
  closing state;
  state.fail(error::out_of_memory, close_code::none);
  const close_report report = state.take_report();
  CHECK(report.fault == error::out_of_memory);
  CHECK(report.initiator == which_end::neither);
  CHECK(report.sent == close_code::none);
}

TEST_CASE("closing: a failure after our Close keeps what that Close said", "[closing][7.1.7]") {
  closing state;
  state.send_close(bye);
  state.fail(error::text_not_utf8, close_code::none);
  CHECK_FALSE(state.may_receive());
  const close_report report = state.take_report();
  CHECK(report.fault == error::text_not_utf8);
  CHECK(report.initiator == which_end::local);
  CHECK(report.sent == bye);
  CHECK(report.received == close_code::abnormal);
}

TEST_CASE("closing: the end of the transport counts once all is read", "[closing][7.1.5]") {
  closing state;
  state.all_read();
  CHECK(state.may_receive());
  state.receive_eof();
  CHECK(state.may_receive());
  CHECK_FALSE(state.report_due());
  state.all_read();
  CHECK_FALSE(state.may_send());
  CHECK_FALSE(state.may_receive());
  CHECK(transports_of(state) == transports{close_it, close_it, close_it, close_it});
  const close_report report = state.take_report();
  CHECK(report.fault == error::connection_cut);
  CHECK(report.initiator == which_end::neither);
  CHECK(report.sent == close_code::none);
  CHECK(report.received == close_code::abnormal);
}

TEST_CASE("closing: the end of the transport between the Closes is a cut connection", "[closing][7.1.5]") {
  closing state;
  state.send_close(bye);
  state.receive_eof();
  CHECK(transports_of(state) == transports{keep, keep, keep, keep});
  state.all_read();
  CHECK(transports_of(state) == transports{close_it, close_it, close_it, close_it});
  const close_report report = state.take_report();
  CHECK(report.fault == error::connection_cut);
  CHECK(report.initiator == which_end::local);
  CHECK(report.sent == bye);
  CHECK(report.received == close_code::abnormal);
}

TEST_CASE("closing: the end of the transport changes no verdict that is there already", "[closing][7.1.5]") {
  closing clean = after_both_closes();
  clean.receive_eof();
  clean.all_read();
  CHECK(clean.take_report().clean());

  closing failed;
  failed.fail(error::opcode_reserved, close_code::protocol_error);
  failed.receive_eof();
  failed.all_read();
  CHECK(failed.take_report().fault == error::opcode_reserved);
}

TEST_CASE("closing: the report is due once", "[closing]") {
  closing state = after_both_closes();
  REQUIRE(state.report_due());
  (void)state.take_report();
  CHECK_FALSE(state.report_due());
  state.receive_eof();
  state.all_read();
  CHECK_FALSE(state.report_due());
}
