// A server's decoding when one byte comes at a time: what each call costs that brings nothing to an end.
#include "decode_sansocket.hpp"
#include "harness.hpp"
#include "texts.hpp"

int main(int argc, char** argv) {
  constexpr std::size_t total = 64 * 1024;
  const std::vector<decode_work> all{
      make_decode_work("JSON 125 B, one byte a read", json_messages(125, total), true, 1),
      make_decode_work("many scripts 125 B, one byte a read", many_scripts_messages(125, total), true, 1)};
  const auto contenders =
      with_peers<decode_work>({{"sansocket", make_contender<decoding<sansocket_decoder>>}}, &peer::decode);
  for (const decode_work& work : all) {
    judge<decode_work>(contenders, work, [&](const std::string& shown) { return shown == all_messages(work); });
    add_row("drip/" + work.name, contenders, work, work.messages.size());
  }
  return measure(argc, argv);
}
